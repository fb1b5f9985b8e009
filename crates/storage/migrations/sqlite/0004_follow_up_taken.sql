-- When a server last took it on itself to tell about a request, so that no two tell at once.

alter table requests add column taken_at bigint;
