-- A gate of a reset gives its browser another token; the one before it still fetches that, for two minutes, where the answer was lost.

alter table flows add column former_browser bytea;
alter table flows add column former_replaced_at bigint;
