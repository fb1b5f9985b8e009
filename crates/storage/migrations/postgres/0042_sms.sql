-- Codes by text message: numbers of people, what waits to be sent, and numbers that a code is to prove. A version before sends what waits as
-- mail, which no mail server takes, since a number is no address.

alter table users add column mobile text;
alter table users add column registered_mobile text;
alter table mail_outbox add column channel text not null default 'mail';

create table proposed_mobiles (
    tenant text not null,
    registration text not null,
    number text not null,
    primary key (tenant, registration),
    foreign key (tenant, registration) references registrations (tenant, id) on delete cascade
);
