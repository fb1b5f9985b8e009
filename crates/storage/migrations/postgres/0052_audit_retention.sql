-- How long audit facts are kept, and up to where they were cut: at a signed head, from which the rest is verified.

create table audit_retention (
    tenant text not null primary key references tenants (id),
    days bigint,
    cut_position bigint not null default 0
);
