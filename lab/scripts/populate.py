"""Fills a freshly provisioned forest: policy, people, the service account and what is delegated to it.

Runs inside the domain controller's root while Samba is stopped, and reads a JSON description on standard input.
One transaction does what some hundred samba-tool calls would do, in about two seconds.
"""
import json
import sys

import ldb
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB

TICKS_PER_MINUTE = 60 * 10_000_000  # AD counts time in units of 100 ns
NEVER = -0x8000000000000000
NORMAL_ACCOUNT, DISABLED, PASSWORD_NEVER_EXPIRES = 0x200, 0x2, 0x10000

# schemaIDGUIDs and control access rights, as in MS-ADA1..3 and MS-ADTS section 5.1.3.2.1
USER_CLASS = "bf967aba-0de6-11d0-a285-00aa003049e2"
RESET_PASSWORD = "00299570-246d-11d0-a768-00aa006e0529"
UNEXPIRE_PASSWORD = "ccc2dc7d-a6ad-4a7a-8846-c04e3cc53501"
LOCKOUT_TIME = "28630ebf-41d5-11d1-a9c1-0000f80367c1"
PWD_LAST_SET = "bf967a0a-0de6-11d0-a285-00aa003049e2"

wanted = json.load(sys.stdin)
parameters = LoadParm()
parameters.load_default()
db = SamDB(url="/var/lib/samba/private/sam.ldb", session_info=system_session(), lp=parameters)
base = str(db.domain_dn())
domain_sid = security.dom_sid(db.get_domain_sid())


def replace(dn, **values):
    message = ldb.Message(ldb.Dn(db, dn))
    for name, value in values.items():
        message[name] = ldb.MessageElement(str(value), ldb.FLAG_MOD_REPLACE, name)
    db.modify(message)


def sid_of(dn):
    found = db.search(dn, ldb.SCOPE_BASE, attrs=["objectSid"])
    return str(ndr_unpack(security.dom_sid, found[0]["objectSid"][0]))


def allow(dn, *entries):
    """Puts access control entries in front of the object's own, as `dsacls` and `samba-tool dsacl set` do."""
    found = db.search(dn, ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"], controls=["sd_flags:1:4"])
    sddl = ndr_unpack(security.descriptor, found[0]["nTSecurityDescriptor"][0]).as_sddl(domain_sid)
    at = sddl.index("(")
    descriptor = security.descriptor.from_sddl(sddl[:at] + "".join(entries) + sddl[at:], domain_sid)
    message = ldb.Message(ldb.Dn(db, dn))
    message["acl"] = ldb.MessageElement(ndr_pack(descriptor), ldb.FLAG_MOD_REPLACE, "nTSecurityDescriptor")
    db.modify(message, controls=["sd_flags:1:4"])


def add_account(dn, password, **attributes):
    entry = {"dn": dn, "objectClass": "user", "unicodePwd": f'"{password}"'.encode("utf-16-le")}
    entry.update({name: value for name, value in attributes.items() if value})
    db.add(entry)


db.transaction_start()

# The old password stops at once (smb.conf), may be changed at once, and never grows old: a lab is kept for months.
replace(
    base,
    minPwdLength=wanted["min_length"],
    pwdHistoryLength=24,
    minPwdAge=0,
    maxPwdAge=NEVER,
    lockoutThreshold=10,
    lockoutDuration=-30 * TICKS_PER_MINUTE,
    lockOutObservationWindow=-30 * TICKS_PER_MINUTE,
)
replace(f"CN=Administrator,CN=Users,{base}", userAccountControl=NORMAL_ACCOUNT | PASSWORD_NEVER_EXPIRES)

service = wanted["service_account"]
service_dn = f"CN={service['sam']},CN=Users,{base}"
add_account(
    service_dn,
    service["password"],
    sAMAccountName=service["sam"],
    userPrincipalName=service["upn"],
    description="Resets passwords below OU=People, and nothing else",
    userAccountControl=str(NORMAL_ACCOUNT | PASSWORD_NEVER_EXPIRES),
)
sid = sid_of(service_dn)

# Delegation first: what is made below inherits it.
people_ou = f"OU=People,{base}"
db.add({"dn": people_ou, "objectClass": "organizationalUnit"})
allow(
    people_ou,
    f"(OA;CIIO;CR;{RESET_PASSWORD};{USER_CLASS};{sid})",
    f"(OA;CIIO;RPWP;{LOCKOUT_TIME};{USER_CLASS};{sid})",
    f"(OA;CIIO;RPWP;{PWD_LAST_SET};{USER_CLASS};{sid})",
)
allow(base, f"(OA;;CR;{UNEXPIRE_PASSWORD};;{sid})")
pso_container = f"CN=Password Settings Container,CN=System,{base}"
allow(pso_container, f"(A;CI;LCRPLORC;;;{sid})")

for unit in sorted({person["unit"] for person in wanted["people"]}):
    db.add({"dn": f"OU={unit},{people_ou}", "objectClass": "organizationalUnit"})

strict = []
for person in wanted["people"]:
    dn = f"CN={person['display_name']},OU={person['unit']},{people_ou}"
    add_account(
        dn,
        person["password"],
        sAMAccountName=person["sam"],
        userPrincipalName=person["upn"],
        displayName=person["display_name"],
        givenName=person["given_name"],
        sn=person["surname"],
        mail=person["mail"],
        otherMailbox=person["alternate_mail"],
        preferredLanguage=person["language"],
        department=person["unit"],
        userAccountControl=str(NORMAL_ACCOUNT | (DISABLED if "disabled" in person["traits"] else 0)),
    )
    if "domain_admin" in person["traits"]:
        # adminCount stays empty: Samba has no AdminSDHolder, so only the membership tells that this one is protected.
        group = ldb.Message(ldb.Dn(db, f"CN=Domain Admins,CN=Users,{base}"))
        group["member"] = ldb.MessageElement(dn, ldb.FLAG_MOD_ADD, "member")
        db.modify(group)
    if "strict_policy" in person["traits"]:
        strict.append(dn)

db.add({
    "dn": f"CN=Strict,{pso_container}",
    "objectClass": "msDS-PasswordSettings",
    "msDS-PasswordSettingsPrecedence": "10",
    "msDS-PasswordReversibleEncryptionEnabled": "FALSE",
    "msDS-PasswordComplexityEnabled": "TRUE",
    "msDS-PasswordHistoryLength": "24",
    "msDS-MinimumPasswordLength": "14",
    "msDS-MinimumPasswordAge": str(-24 * 60 * TICKS_PER_MINUTE),
    "msDS-MaximumPasswordAge": str(NEVER),
    "msDS-LockoutThreshold": "10",
    "msDS-LockoutObservationWindow": str(-30 * TICKS_PER_MINUTE),
    "msDS-LockoutDuration": str(-30 * TICKS_PER_MINUTE),
    "msDS-PSOAppliesTo": strict,
})
db.transaction_commit()
