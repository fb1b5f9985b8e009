-- Until when a session of whoever has the second factor still to show leads to the page that asks for it.

alter table sessions add column half_until bigint;
