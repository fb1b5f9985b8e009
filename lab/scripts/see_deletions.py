"""Lets an account list the container of deleted objects, as `dsacls ... /G ACCOUNT:LCRP` does on Windows; with a second
argument it takes that away again.

`samba-tool dsacl` can't: it does not ask for deleted objects, and the container counts as one.
"""
import sys

import ldb
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB

parameters = LoadParm()
parameters.load_default()
db = SamDB(url="/var/lib/samba/private/sam.ldb", session_info=system_session(), lp=parameters)
domain_sid = security.dom_sid(db.get_domain_sid())
account = db.search(db.domain_dn(), expression=f"(sAMAccountName={ldb.binary_encode(sys.argv[1])})", attrs=["objectSid"])
sid = str(ndr_unpack(security.dom_sid, account[0]["objectSid"][0]))
entry = f"(A;;LCRP;;;{sid})"

dn = f"CN=Deleted Objects,{db.domain_dn()}"
controls = ["show_deleted:1", "sd_flags:1:4"]
found = db.search(dn, ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"], controls=controls)
sddl = ndr_unpack(security.descriptor, found[0]["nTSecurityDescriptor"][0]).as_sddl(domain_sid)
at = sddl.index("(")
wanted = sddl.replace(entry, "") if len(sys.argv) > 2 else sddl if entry in sddl else sddl[:at] + entry + sddl[at:]
if wanted != sddl:
    descriptor = security.descriptor.from_sddl(wanted, domain_sid)
    message = ldb.Message(ldb.Dn(db, dn))
    message["acl"] = ldb.MessageElement(ndr_pack(descriptor), ldb.FLAG_MOD_REPLACE, "nTSecurityDescriptor")
    db.modify(message, controls=controls)
