-- Whether people of a directory may become cloud-only people of the same name.

alter table tenants add column soft_match text not null default 'off';
