"""The way out: Apprise, in a thread because its plugins block."""

from __future__ import annotations

import asyncio


async def apprise_send(url: str, title: str, body: str) -> bool:
    """Sends one notice to one address (https://appriseit.com: mailto://, tgram://, …). False: it was not taken."""
    return await asyncio.to_thread(_send, url, title, body)


def usable(url: str) -> bool:
    """Whether Apprise understands an address; asks nobody."""
    import apprise

    return isinstance(apprise.Apprise.instantiate(url, suppress_exceptions=True), apprise.NotifyBase)


def _send(url: str, title: str, body: str) -> bool:
    import apprise

    asset = apprise.AppriseAsset(
        app_id="medmost",
        app_desc="medmost",
        async_mode=False,  # we are in a thread of our own already
        storage_mode=apprise.PersistentStoreMode.MEMORY,  # keeps addresses off the disk
    )
    post = apprise.Apprise(asset=asset)
    if not post.add(url):
        return False
    return bool(post.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT))
