app-policy-saved = It is saved.
app-policy-change = Change
app-policy-remove-text = What holds for everybody holds for its people from now on.
app-policy-removed = The group has no proofs of its own any more.
app-policy-another = Proofs for a group
app-policy-no-group = No group is called so, or several are. Name it as DOMAIN\account, or by its id.
