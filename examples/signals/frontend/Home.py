"""The page: it is run again for every browser that looks at it."""
import json
import os
import urllib.request

import streamlit as st

API_URL = os.environ.get("API_URL", "http://localhost:8000")

st.title("Signals")
try:
    with urllib.request.urlopen(f"{API_URL}/api/signals", timeout=5) as answer:
        found = json.load(answer)
except OSError as error:
    st.error(f"The backend at {API_URL} does not answer: {error}")
else:
    st.caption(f"backend of {found['environment']}, version {found['version']}, at {API_URL}")
    st.table(found["signals"])
