-- People by a part of a name: all that is searched stands in one narrow index, so that looking through everybody reads no rows.

create index users_by_names on users (tenant, principal_key, account_key, display_name);
