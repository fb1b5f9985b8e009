-- A group's policy may say after how many days its people are asked whether what they registered is still right; null where the tenant
-- says it.

alter table group_gate_policies add column reconfirm_days bigint;
