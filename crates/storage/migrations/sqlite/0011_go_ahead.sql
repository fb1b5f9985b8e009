-- Orders that are begun only once the server has written down that they are. Those from before needed nothing of the kind.

alter table requests add column go_ahead bigint not null default 0;
