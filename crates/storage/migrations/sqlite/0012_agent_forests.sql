-- What agents say that they serve (`forests`) is one thing, and what they may serve another. Whoever is enrolled may go on.

alter table agents add column allowed_forests text not null default '[]';
alter table agents add column taken_forests text not null default '[]';
update agents set allowed_forests = forests;
