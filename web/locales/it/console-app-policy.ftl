app-policy-saved = Salvato.
app-policy-change = Modifica
app-policy-remove-text = Da adesso per i suoi membri vale ciò che vale per tutti.
app-policy-removed = Il gruppo non ha più prove sue.
app-policy-another = Prove per un gruppo
app-policy-no-group = Nessun gruppo si chiama così, oppure più d'uno. Indicalo come DOMINIO\account, o con il suo id.
