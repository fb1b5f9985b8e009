"""Adds many people without passwords, and groups of them, in large transactions: one at a time would take hours.

Runs inside the domain controller's root, whether Samba runs or not, and reads a JSON description on standard input.
"""
import json
import sys

from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

AT_ONCE = 2000  # people in a transaction
GROUPS_AT_ONCE = 100
ENABLED_WITHOUT_PASSWORD = str(0x200 | 0x20)

wanted = json.load(sys.stdin)
domain, people, groups = wanted["domain"], wanted["people"], wanted["groups"]
parameters = LoadParm()
parameters.load_default()
# An index that is kept in memory for the length of a transaction, instead of being written for each object.
options = ["transaction_index_cache_size:200000"]
db = SamDB(url="/var/lib/samba/private/sam.ldb", session_info=system_session(), lp=parameters, options=options)


def in_transactions(count, size, add):
    for first in range(0, count, size):
        db.transaction_start()
        for number in range(first, min(first + size, count)):
            add(number)
        db.transaction_commit()


def person_dn(number):
    return f"CN=sync-{number:06},{wanted['people_ou']}"


def add_person(number):
    name = f"sync-{number:06}"
    db.add({
        "dn": person_dn(number),
        "objectClass": "user",
        "sAMAccountName": name,
        "userPrincipalName": f"{name}@{domain}",
        "displayName": name,
        "mail": f"{name}@{domain}",
        "otherMailbox": f"{name}@mail.test",
        "givenName": f"Given {number}",
        "sn": f"Name {number}",
        "userAccountControl": ENABLED_WITHOUT_PASSWORD,
    })


def add_group(number):
    # The first is the large one; the others have a hundred each.
    members = range(wanted["large"]) if number == 0 else range(number * 100, (number + 1) * 100)
    db.add({
        "dn": f"CN=group-{number:04},{wanted['groups_ou']}",
        "objectClass": "group",
        "sAMAccountName": f"bench-group-{number:04}",
        "member": [person_dn(member) for member in members],
    })


db.transaction_start()
for unit in (wanted["people_ou"], wanted["groups_ou"]):
    db.add({"dn": unit, "objectClass": "organizationalUnit"})
db.transaction_commit()
in_transactions(people, AT_ONCE, add_person)
in_transactions(groups, GROUPS_AT_ONCE, add_group)
