"""Signs every try in as somebody new: tries end sessions and delete accounts, and the next must not suffer."""

import uuid

import requests
import schemathesis


@schemathesis.auth(refresh_interval=None)
class SomebodyNew:
    def get(self, case, context):
        base = case.operation.schema.get_base_url().rstrip("/")
        body = {"email": f"{uuid.uuid4()}@example.com", "password": "plum tractor yesterday", "name": "Ada"}
        answer = requests.post(f"{base}/api/register", json=body, timeout=30)
        answer.raise_for_status()
        return answer.cookies["cometchat-auth"]

    def set(self, case, data, context):
        case.cookies = {**(case.cookies or {}), "cometchat-auth": data}
