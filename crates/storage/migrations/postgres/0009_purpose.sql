-- What a way through the pages is for: a forgotten password, or the change of a known one.

alter table flows add column purpose text not null default 'reset';
