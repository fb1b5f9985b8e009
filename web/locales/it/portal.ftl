front-title = Reimposta la password
front-lead = Hai dimenticato la password? Dicci chi sei. Ti mandiamo un codice a un indirizzo personale, non di lavoro, che abbiamo registrato per te.
front-name = Il tuo nome di accesso
front-name-hint = Per esempio anna@contoso.com oppure CONTOSO\anna
front-submit = Mandami un codice
front-register = Registra i tuoi modi per dimostrare che sei tu, finché ricordi la password
front-not-a-name = Un nome di accesso è fatto così: anna@contoso.com oppure CONTOSO\anna.
front-too-many = Dalla tua rete sono stati provati troppi nomi. Aspetta un'ora oppure chiama l'assistenza.
work-title = Un momento
work-lead = In questo momento qui vengono dati molti nomi. Perciò il tuo browser mostra con un breve calcolo di non essere un programma che li prova tutti. Dura qualche secondo, poi si va avanti da soli.
work-progress = A che punto è
work-working = Il tuo browser sta calcolando.
work-done = Fatto. Si va avanti.
work-wait = { $n ->
    [one] Se qui non si muove niente, in questo browser JavaScript è disattivato. Allora aspetta { $n } secondo e poi vai avanti.
   *[other] Se qui non si muove niente, in questo browser JavaScript è disattivato. Allora aspetta { $n } secondi e poi vai avanti.
}
work-too-early = Era troppo presto. Aspetta che passi il tempo indicato sotto.
work-too-often = Con questo nome si è già andati avanti più volte aspettando. Usa un browser con JavaScript, aspetta un'ora oppure chiama l'assistenza.
code-title = Scrivi il codice
code-sent = Se questo nome è registrato, un codice è in arrivo al tuo indirizzo personale. Ha otto cifre e vale cinque minuti.
code-label = Codice
code-hint = Otto cifre. Gli spazi non contano.
code-submit = Avanti
code-resend-to = Non è arrivato niente? Un nuovo codice può andare
code-to-registered = all'indirizzo che ho registrato qui
code-to-directory = all'indirizzo che ha la mia organizzazione
code-resend = Manda un nuovo codice
code-resent = Se si può mandare un nuovo codice, è in arrivo. Vale solo il codice più recente.
code-nothing = Se non arriva niente, guarda nella posta indesiderata. Poi dai all'assistenza questo codice:
time-left = { $n ->
    [one] Per la tua sicurezza hai { $n } minuto per arrivare in fondo. Dopo si ricomincia; finché la nuova password non è impostata non cambia niente.
   *[other] Per la tua sicurezza hai { $n } minuti per arrivare in fondo. Dopo si ricomincia; finché la nuova password non è impostata non cambia niente.
}
time-soon = Restano due minuti. Dopo si ricomincia; finché la nuova password non è impostata non cambia niente.
other-name = Usa un altro nome
code-not-a-code = Un codice ha otto cifre.
code-wrong = Il codice non è giusto. Guarda il messaggio più recente e riprova.
code-expired = Il codice è scaduto. Fattene mandare uno nuovo.
code-too-many = Troppi tentativi sbagliati per questo codice. Fattene mandare uno nuovo.
code-locked-told = Oggi ci sono stati troppi codici sbagliati.
code-locked-todo = Chiama l'assistenza oppure riprova domani.
other-tab-begun = Nel frattempo in questo browser è stata iniziata un'altra richiesta, in un'altra scheda o finestra. Qui si va avanti con quella; quello che hai mandato dalla pagina di prima non ha cambiato niente.
flow-ended-title = Questa richiesta non è più valida
flow-ended-told = È durata più di 15 minuti, è cominciata in un altro browser, oppure era già finita. Ora non ha cambiato niente.
password-title = Scegli una nuova password
password-noscript = Questo passo ha bisogno di JavaScript. Qui il browser cifra la nuova password, così che solo la rete della tua organizzazione possa leggerla; una pagina senza JavaScript dovrebbe mostrarla al nostro server. Attiva JavaScript per questo sito e ricarica, oppure usa un altro browser.
password-new = Nuova password
password-again = Ripeti la nuova password
password-show = Mostra
password-hide = Nascondi
strength-0 = Si indovina subito
strength-1 = Facile da indovinare
strength-2 = Potrebbe essere più difficile da indovinare
strength-3 = Difficile da indovinare
strength-4 = Molto difficile da indovinare
password-suggest = Suggerisci una password
password-suggested = Questa rispetta ogni regola che si può controllare qui. Salvala nel gestore di password, o annotala, prima di andare avanti.
password-submit = Imposta la nuova password
password-working = La password viene impostata nella directory della tua organizzazione. Può volerci qualche secondo.
password-mismatch = Le due password non sono uguali.
password-unreachable = La connessione si è interrotta. Non viene inviato nulla una seconda volta.
password-looking = Stiamo verificando l'esito. Questa pagina va avanti da sola appena la connessione torna.
password-still-away = La connessione non torna. Guarda di nuovo più tardi, da questa pagina: non ricominciare.
password-not-arrived = Qui non è arrivata nessuna nuova password, quindi non è cambiato nulla. Scrivila qui.
password-untrusted = Non è stato inviato niente: questa pagina è rimasta aperta troppo a lungo, oppure non ha potuto dimostrare che le sue chiavi sono della tua organizzazione. Ricaricala. Se lo dice ancora, chiama l'assistenza.
unlock-title = Il tuo account è bloccato
unlock-lead = L'hanno bloccato troppe password sbagliate. Se ricordi la password puoi sbloccare l'account e tenerla. Altrimenti scegline una nuova qui sotto: anche così l'account si sblocca.
unlock-submit = Sblocca l'account e tieni la password
rules-title = La nuova password deve rispettare queste regole:
rule-met = rispettata
rule-broken = non ancora
rule-minimum-length = { $n ->
    [one] Almeno { $n } carattere
   *[other] Almeno { $n } caratteri
}
rule-maximum-length = { $n ->
    [one] Al massimo { $n } carattere
   *[other] Al massimo { $n } caratteri
}
rule-complexity = Tre di questi: maiuscole, minuscole, cifre, simboli, altre lettere
rule-contains-name = Non il nome dell'account, e nessuna parte del tuo nome
rule-banned-words = Nessuna delle parole che la tua organizzazione vieta
rule-banned-words-listed = Nessuna di queste parole: { $words }
rule-breached = Non in un elenco di password note ad altri (si controlla quando la invii)
rule-history = { $n ->
    [one] Non la password usata prima (la tua organizzazione lo controlla alla fine)
   *[other] Non una delle ultime { $n } password (la tua organizzazione lo controlla alla fine)
}
rule-minimum-age = Si può cambiare a partire da: { $moment }
policy-unreadable = Qui non si possono leggere le regole per la tua password. La directory della tua organizzazione giudica la password quando la invii.
rules-all-met = Tutte le regole sono rispettate.
