"""Its presence lets every test import the fakes that lie in this folder (`systems_in_memory`)."""
