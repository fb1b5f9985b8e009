-- Which person of the tenant an administrator's account is: an account may be called otherwise than its person.

alter table administrators add column user_id text;
