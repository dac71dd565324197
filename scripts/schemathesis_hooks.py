"""Logs in each test case as a new user, because test cases end sessions and delete accounts."""

import uuid

import requests
import schemathesis


@schemathesis.auth(refresh_interval=None)
class NewUser:
    def get(self, case, context):
        base = case.operation.schema.get_base_url().rstrip("/")
        body = {"email": f"{uuid.uuid4()}@example.com", "password": "plum tractor yesterday", "name": "Ada"}
        response = requests.post(f"{base}/api/register", json=body, timeout=30)
        response.raise_for_status()
        # The name contains the port of PUBLIC_URL.
        return next(cookie for cookie in response.cookies if not cookie.name.endswith("-device"))

    def set(self, case, data, context):
        case.cookies = {**(case.cookies or {}), data.name: data.value}
