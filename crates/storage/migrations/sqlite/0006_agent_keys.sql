-- Agents roll their keys: the identity key that was certified and not shown yet, and the sealing keys that were replaced.

alter table agents add column next_identity_key blob;
alter table agents add column next_identity text;
alter table agents add column former_sealing text not null default '[]';
