"""Runs inside the environment of esia-connector, never in ours: a whole login by that client, printed as JSON.

Arguments: address of the stand, folder with cert.pem and key.pem, "gost" or "rsa", and the key file of ЕСИА or "-".
Only the address and, for GOST, the signer differ from what the package ships.
"""

import base64
import json
import re
import subprocess
import sys

import requests
from esia_connector import client, utils

ADDRESS, FOLDER, SIGNER, CHECK_KEY = sys.argv[1:5]
BACK = "http://system.example/back"


def signed_by_gost(params, certificate_file, private_key_file):
    text = params["scope"] + params["timestamp"] + params["client_id"] + params["state"]
    command = ["openssl", "smime", "-engine", "gost", "-sign", "-md", "md_gost12_256", "-binary", "-outform", "DER"]
    command += ["-signer", certificate_file, "-inkey", private_key_file]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    params["client_secret"] = base64.urlsafe_b64encode(done.stdout).decode()
    return params


if SIGNER == "gost":
    client.sign_params = signed_by_gost
else:
    assert client.sign_params is utils.sign_params

settings = client.EsiaSettings(
    esia_client_id="CONNECTOR",
    redirect_uri=BACK,
    certificate_file=FOLDER + "/cert.pem",
    private_key_file=FOLDER + "/key.pem",
    esia_service_url=ADDRESS,
    esia_scope="openid fullname birthdate gender snils id_doc medical_doc contacts addresses",
    esia_token_check_key=None if CHECK_KEY == "-" else CHECK_KEY,
)
auth = client.EsiaAuth(settings)
browser = requests.Session()
reply = browser.get(auth.get_auth_url(), allow_redirects=False)
while not reply.headers["Location"].startswith(BACK):
    page = browser.get(ADDRESS + reply.headers["Location"]).text
    name = re.search(r'name="request" value="([^"]+)"', page).group(1)
    form = {"request": name, "login": "anna", "password": "Demo-1", "answer": "allow"}
    path = "/idp/login" if "/idp/login" in reply.headers["Location"] else "/idp/consent"
    reply = browser.post(ADDRESS + path, data=form, allow_redirects=False)
returned = dict(part.split("=", 1) for part in reply.headers["Location"].partition("?")[2].split("&"))
person = auth.complete_authorization(returned["code"], returned["state"], validate_token=CHECK_KEY != "-")
shown = {
    "oid": person.oid,
    "main": person.get_person_main_info(),
    "documents": person.get_person_documents(),
    "contacts": person.get_person_contacts(),
    "addresses": person.get_person_addresses(),
}
sys.stdout.write(json.dumps(shown))
