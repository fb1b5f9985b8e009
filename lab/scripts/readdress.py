"""Gives a stopped domain controller another address: the A records in its own DNS follow.

Arguments: OLD NEW, both IPv4. Runs inside the controller's root.
"""
import sys

import ldb
from samba.auth import system_session
from samba.dcerpc import dnsp
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB

old, new = sys.argv[1:]
parameters = LoadParm()
parameters.load_default()
db = SamDB(url="/var/lib/samba/private/sam.ldb", session_info=system_session(), lp=parameters)
base = str(db.domain_dn())
changed = 0
db.transaction_start()
for zone in (f"DC=DomainDnsZones,{base}", f"DC=ForestDnsZones,{base}"):
    for node in db.search(zone, ldb.SCOPE_SUBTREE, "(dnsRecord=*)", attrs=["dnsRecord"]):
        records = [ndr_unpack(dnsp.DnssrvRpcRecord, value) for value in node["dnsRecord"]]
        moved = [record for record in records if record.wType == dnsp.DNS_TYPE_A and record.data == old]
        if not moved:
            continue
        for record in moved:
            record.data = new
        message = ldb.Message(node.dn)
        packed = [ndr_pack(record) for record in records]
        message["records"] = ldb.MessageElement(packed, ldb.FLAG_MOD_REPLACE, "dnsRecord")
        db.modify(message)
        changed += 1
db.transaction_commit()
if changed == 0:
    sys.exit(f"no A record names {old}")
