-- Words that the tenant bans from passwords, as JSON.

alter table tenants add column banned_words text not null default '[]';
