front-lead-other = Hai dimenticato la password? Dicci chi sei. Poi dimostri in un altro modo di essere tu.
ways-title = Un altro modo
way-mail = Mandami un codice per posta
way-app = Usa un codice della mia app di autenticazione
way-recovery-code = Usa un codice di recupero
gate-title = Ancora un passo
gate-passed = Il primo passo è fatto.
gate-lead = La tua organizzazione chiede una seconda prova che sei tu.
typed-nothing = Se non riesci ad andare avanti, dai all'assistenza questo codice:
typed-too-many = Troppi tentativi sbagliati. Ricomincia dal tuo nome.
app-title = Scrivi il codice della tua app
app-lead = Apri l'app di autenticazione e scrivi il codice che mostra per questa organizzazione.
app-hint = Sei cifre, nuove ogni 30 secondi. Gli spazi non contano.
app-not-a-code = Il codice di un'app ha sei cifre.
app-wrong = Il codice non è giusto. Ogni codice vale una volta sola: aspetta il prossimo. Se continua, controlla che l'ora del telefono sia giusta.
recovery-title = Scrivi un codice di recupero
recovery-lead = Scrivi uno dei codici che ti sei annotato quando ti sei registrato. Così viene consumato.
recovery-label = Codice di recupero
recovery-hint = Sedici lettere e cifre, per esempio 1A2B-3C4D-5E6F-7G8H.
recovery-not-a-code = Un codice di recupero ha sedici lettere e cifre.
recovery-wrong = Il codice non è giusto, oppure è già stato usato.
methods-title = I tuoi modi per dimostrare che sei tu
methods-lead = Il giorno in cui dimentichi la password te ne serve uno, o due se la tua organizzazione ne chiede due.
methods-wanted = { $n ->
    [one] La tua organizzazione ti chiede di averne { $n }.
   *[other] La tua organizzazione ti chiede di averne { $n }.
}
methods-have = { $n ->
    [0] Non ne hai ancora nessuno.
    [one] Ne hai { $n }.
   *[other] Ne hai { $n }.
}
methods-first = Quello che hai non basta ancora: qui un ripristino comincia con uno di questi, quindi registrane almeno uno.
methods-back = Tutti i miei modi
methods-app-registered = La tua app di autenticazione è registrata.
methods-app-removed = La tua app di autenticazione è stata tolta.
methods-recovery-removed = I tuoi codici di recupero sono stati tolti.
method-mail = Codici per posta
method-mail-change = Cambia l'indirizzo per i codici
method-app = App di autenticazione
method-app-there = Un'app è registrata.
method-app-none = Nessuna app è registrata.
method-app-register = Registra un'app
method-app-replace = Registra un'altra app al suo posto
method-app-remove = Togli l'app
method-recovery = Codici di recupero
method-recovery-none = Non hai codici di recupero.
method-recovery-left = { $n ->
    [one] Resta { $n } codice.
   *[other] Restano { $n } codici.
}
method-recovery-make = Crea codici di recupero
method-recovery-remove = Togli i codici di recupero
app-register-title = Registra un'app di autenticazione
app-register-lead = Inquadra questa immagine con un'app di autenticazione sul telefono, oppure scrivi la chiave nell'app. Poi scrivi il codice che l'app mostra.
app-register-replaces = L'app che avevi registrato smette di funzionare quando registri questa.
app-register-picture = Codice QR per la tua app di autenticazione. La stessa chiave è scritta qui sotto.
app-register-key = Chiave
app-register-code = Codice dell'app
app-register-wrong = Non è il codice di questa chiave in questo momento. Aspetta il prossimo. Se continua, controlla che l'ora del telefono sia giusta.
app-register-submit = Registra questa app
recovery-codes-title = Codici di recupero
recovery-codes-lead = Dieci codici da annotare o stampare, e da tenere dove solo tu li trovi, non su questo computer. Ognuno si può usare una volta al posto di un'altra prova.
recovery-codes-replaces = { $n ->
    [one] Il codice che hai ({ $n }) smette di funzionare.
   *[other] I { $n } codici che hai smettono di funzionare.
}
recovery-codes-make = Mostrami dieci nuovi codici
recovery-codes-once = Annotali adesso. Non verranno più mostrati.
mail-app-registered-subject = È stata registrata un'app di autenticazione per il tuo account
mail-app-registered-lead = { $moment }: è stata registrata un'app di autenticazione con cui si può reimpostare la password di { $name }.
mail-app-removed-subject = L'app di autenticazione del tuo account è stata tolta
mail-app-removed-lead = { $moment }: l'app di autenticazione di { $name } è stata tolta. Non si può più usare per reimpostare la password.
mail-recovery-registered-subject = Sono stati creati codici di recupero per il tuo account
mail-recovery-registered-lead = { $moment }: sono stati creati codici di recupero con cui si può reimpostare la password di { $name }. Quelli di prima non valgono più.
mail-recovery-removed-subject = I codici di recupero del tuo account sono stati tolti
mail-recovery-removed-lead = { $moment }: i codici di recupero di { $name } sono stati tolti. Non si possono più usare per reimpostare la password.
front-change = Conosco la mia password e voglio cambiarla
change-title = Cambia la password
change-lead = Anche se la password è scaduta, o va cambiata prima di poter accedere, puoi farlo qui. Ti serve la password attuale.
change-password-lead = La password attuale è confermata. Scrivila ancora una volta insieme a quella nuova: il browser le cifra tutte e due per la rete della tua organizzazione.
methods-change-password = Cambia la mia password
fault-wrong-old = La password attuale non era giusta, quindi non è cambiato niente.
fault-wrong-old-todo = Riprova e controlla quello che scrivi. Se la password è stata cambiata nell'ultima ora, aspetta che quell'ora passi.
way-pass = Usa un pass temporaneo dell'assistenza
gate-none = Qui non hai altro che possa essere la seconda prova. Un pass temporaneo viene per primo: ricomincia da quello, oppure chiama l'assistenza.
pass-title = Scrivi il pass temporaneo
pass-lead = Te l'ha letto l'assistenza. Vale un quarto d'ora e una volta sola.
pass-label = Pass temporaneo
pass-hint = Otto lettere, per esempio BCDF-GHJK.
pass-not-a-pass = Un pass temporaneo ha otto lettere, senza vocali.
pass-wrong = Il pass non è giusto, è già stato usato oppure è scaduto.
desk-title = Aiuta questa persona
desk-never = Non puoi creare un pass per questa persona: sei tu, oppure qualcuno che amministra questa organizzazione.
desk-useless = Con un pass temporaneo questa persona non potrebbe reimpostare la password: la tua organizzazione non lo permette per lei, o chiede una seconda prova che non ha.
desk-by-code = Chi chiama legge un codice che arriva al suo indirizzo personale. Poi puoi creare un pass temporaneo.
desk-by-colleague = Nessun codice può raggiungere questa persona. Prima di creare un pass temporaneo serve l'approvazione di un collega.
desk-reason = Motivo, che la persona leggerà
desk-send = Manda il codice
desk-ask = Chiedi l'approvazione
desk-code-sent = Un codice è stato mandato. Fattelo leggere da chi chiama.
desk-code = Codice che ti è stato letto
desk-check = Controlla
desk-approval = Un collega chiede la tua approvazione per un pass temporaneo di questa persona. Motivo: { $reason }
desk-approve = Approva
desk-elsewhere = Un collega sta aiutando questa persona, oppure deve prima approvare.
desk-cleared = È proprio questa persona. Ora puoi creare un pass temporaneo.
desk-make = Crea un pass temporaneo
desk-sent = Il codice è in arrivo.
desk-right = Il codice è giusto.
desk-wrong = Non è il codice, oppure è stato provato troppe volte.
desk-asked = Ora un collega può approvare, su questa pagina.
desk-approved = Approvato. Ora il collega può creare il pass.
desk-closed = Per questa persona non c'è più niente di aperto. Ricomincia.
desk-no-reason = Scrivi un motivo: la persona lo leggerà.
desk-too-many = Troppe volte per oggi, o per questa persona in un'ora.
desk-no-address = Nessun codice può raggiungere questa persona.
desk-has-address = Un codice può raggiungere questa persona: fattelo leggere.
desk-pass-title = Pass temporaneo
desk-pass-once = Leggilo adesso. Non verrà più mostrato.
desk-pass-how = La persona lo scrive dove si reimposta una password dimenticata. Vale quindici minuti e una volta sola. Ogni indirizzo registrato riceve un avviso.
mail-desk-code-subject = Un codice per l'assistenza
mail-desk-code-lead = { $operator } dell'assistenza di { $organisation } sta parlando con qualcuno che dice di essere te, e chiede questo codice. Leggilo se sei tu.
mail-desk-reason = Motivo: { $reason }
mail-desk-code-not-you = Se adesso non stai parlando con l'assistenza, non dire a nessuno questo codice e chiamala.
mail-pass-subject = È stato creato un pass temporaneo per te
mail-pass-lead = { $moment }: è stato creato un pass temporaneo con cui si può reimpostare la password di { $name }.
mail-pass-operator = L'ha creato { $operator } dell'assistenza.
mail-pass-not-you = Se non hai chiamato l'assistenza, chiamala subito.
way-passkey = Usa una passkey
passkey-title = Usa la tua passkey
passkey-lead = Il telefono o il computer ti chiede l'impronta, il viso o un PIN. Non devi scrivere niente.
passkey-use = Usa la mia passkey
passkey-wrong = Questa passkey non è registrata per questo nome, oppure è passato troppo tempo. Riprova, o scegli un altro modo.
passkey-unread = Il browser non ha mandato niente che possa essere una passkey. Riprova, o scegli un altro modo.
passkey-cancelled = Nessuna passkey è stata usata: hai annullato, è passato troppo tempo, o questo dispositivo non ne ha per questa pagina. Riprova, o scegli un altro modo.
passkey-unsupported = Questo browser non conosce le passkey. Scegli un altro modo.
passkey-unavailable = A questo indirizzo le passkey non si possono usare, perché non è un nome. Scegli un altro modo.
passkey-noscript = Una passkey ha bisogno di JavaScript, che nel tuo browser è spento. Accendilo, o scegli un altro modo.
method-passkey = Passkey
method-passkey-none = Nessuna passkey è registrata.
method-passkey-have = { $n ->
    [one] { $n } passkey è registrata.
   *[other] { $n } passkey sono registrate.
}
method-passkey-manage = Registra o togli una passkey
methods-passkey-registered = La tua passkey è registrata.
methods-passkey-removed = La passkey è stata tolta.
passkey-register-title = Registra una passkey
passkey-register-lead = Il telefono o il computer conserva una chiave che solo tu puoi usare, con l'impronta, il viso o un PIN. Il giorno in cui dimentichi la password dimostra che sei tu.
passkey-register-submit = Registra una passkey su questo dispositivo
passkey-register-failed = La passkey non è stata registrata: è passato troppo tempo, è già registrata, o ne hai già quante se ne possono avere. Riprova.
passkey-register-cancelled = Nessuna passkey è stata creata: hai annullato, è passato troppo tempo, o questo dispositivo non può conservarne una. Riprova, o scegli un altro modo.
passkey-register-already = Questo dispositivo ha già una tua passkey.
passkey-register-unsupported = Questo browser non conosce le passkey. Prova con un altro browser o dispositivo.
passkey-there = Passkey registrate
passkey-registered-on = Registrata { $moment }
passkey-remove = Togli
passkey-remove-one = Togli la passkey registrata { $moment }
mail-passkey-registered-subject = È stata registrata una passkey per il tuo account
mail-passkey-registered-lead = { $moment }: è stata registrata una passkey con cui si può reimpostare la password di { $name }.
mail-passkey-removed-subject = Una passkey del tuo account è stata tolta
mail-passkey-removed-lead = { $moment }: una passkey di { $name } è stata tolta. Non si può più usare per reimpostare la password.
method-pass = Pass temporaneo dell'assistenza
method-sms = Codici per SMS
method-sms-change = Cambia il numero per i codici
methods-sms-registered = Il tuo numero di cellulare è registrato.
methods-sms-removed = Il tuo numero di cellulare è stato tolto.
way-sms = Mandami un codice per SMS
sms-title = Scrivi il codice arrivato sul telefono
sms-sent = Se la tua organizzazione conosce un tuo numero di cellulare, un SMS con un codice è in arrivo.
sms-resent = Se è stato possibile mandare un altro codice, è in arrivo. Quello di prima non vale più.
sms-hint = Otto cifre. Il codice vale cinque minuti.
sms-code-text = { $organisation }: { $code } è il codice per reimpostare la password. Non dirlo a nessuno.
sms-number-text = { $organisation }: { $code } è il codice che conferma il tuo numero. Non dirlo a nessuno.
sms-withheld-text = { $organisation }: non puoi reimpostare la password da solo. Di' all'assistenza { $code }.
sms-test-text = { $organisation }: una prova degli SMS. Partono.
mobile-title = Numero di cellulare per i codici
mobile-registered = Il tuo numero
mobile-directory = Dalla directory della tua organizzazione
mobile-none = nessuno
mobile-number = Nuovo numero di cellulare
mobile-hint = Con il prefisso del paese, come +39 333 1234567. Lì arriva un codice, da scrivere nella pagina successiva.
mobile-submit = Manda un codice a questo numero
mobile-remove = Togli il mio numero
mobile-not-a-number = Non è un numero di cellulare con il prefisso del paese, come +39 333 1234567.
mobile-on-file = Questo numero è già noto.
mobile-too-many = Sono stati chiesti troppi codici. Aspetta un'ora, poi riprova.
mobile-code-sent = Un SMS con un codice è in arrivo al numero { $number }.
mobile-code-submit = Registra questo numero
mobile-other = Un altro numero
mail-sms-registered-subject = È stato registrato un numero di cellulare per il tuo account
mail-sms-registered-lead = Il { $moment } è stato registrato un numero di cellulare a cui arrivano codici con cui si può reimpostare la password di { $name }.
mail-sms-removed-subject = Il numero di cellulare del tuo account è stato tolto
mail-sms-removed-lead = Il { $moment } è stato tolto il numero di cellulare di { $name }. Lì non arrivano più codici.
way-questions = Rispondi alle mie domande di sicurezza
questions-title = Rispondi alle tue domande di sicurezza
questions-lead = Rispondi a tutte come quando le hai registrate. Maiuscole e spazi in più non contano.
questions-answer = Risposta
questions-unread = Rispondi a ogni domanda. Una risposta ha da 3 a 40 caratteri.
questions-wrong = Le risposte non sono tutte giuste. Ora le domande possono essere altre.
method-questions = Domande di sicurezza
method-questions-none = Non hai risposto a nessuna domanda.
method-questions-have = { $n ->
    [one] Hai risposto a { $n } domanda.
   *[other] Hai risposto a { $n } domande.
}
method-questions-register = Scegli le domande e rispondi
method-questions-replace = Scegli altre domande al loro posto
method-questions-remove = Togli domande e risposte
methods-questions-registered = Le tue domande di sicurezza sono registrate.
methods-questions-removed = Le tue domande di sicurezza sono state tolte.
questions-register-title = Scegli le domande di sicurezza
questions-register-lead = Scegli domande di cui saprai la risposta anche tra un anno, e che non possa scoprire chi ti conosce o cerca di te. Nessuno può leggere le tue risposte, e nessuno tranne te può cambiarle.
questions-register-asked = { $n ->
    [one] Il giorno in cui dimentichi la password te ne viene chiesta { $n }.
   *[other] Il giorno in cui dimentichi la password te ne vengono chieste { $n }.
}
questions-register-replaces = Le risposte di prima smettono di valere quando salvi queste.
questions-register-number = { $n ->
    [one] Domanda { $n }
   *[other] Domanda { $n }
}
questions-register-question = Domanda
questions-register-choose = Scegline una
questions-register-hint = Da 3 a 40 caratteri
questions-register-submit = Salva domande e risposte
questions-fault-choose = Scegli una domanda da ogni elenco. Non è stato salvato niente: scrivi di nuovo le risposte.
questions-fault-twice = Scegli ogni domanda una volta sola. Non è stato salvato niente: scrivi di nuovo le risposte.
questions-fault-answer = Una risposta ha da 3 a 40 caratteri. Non è stato salvato niente: scrivi di nuovo le risposte.
questions-fault-same = Due domande hanno la stessa risposta. Danne una diversa a ognuna. Non è stato salvato niente: scrivi di nuovo le risposte.
mail-questions-registered-subject = Sono state registrate domande di sicurezza per il tuo account
mail-questions-registered-lead = { $moment }: sono state registrate domande di sicurezza con cui si può reimpostare la password di { $name }. Quelle di prima non valgono più.
mail-questions-removed-subject = Le domande di sicurezza del tuo account sono state tolte
mail-questions-removed-lead = { $moment }: le domande di sicurezza di { $name } sono state tolte. Non si possono più usare per reimpostare la password.
question-first-school = Come si chiamava la tua prima scuola?
question-first-teacher = Qual era il cognome del primo insegnante che ricordi?
question-first-pet = Come si chiamava il tuo primo animale?
question-first-job = In quale città hai fatto il tuo primo lavoro?
question-first-boss = Qual era il nome della prima persona per cui hai lavorato?
question-first-concert = Di chi è stato il primo concerto a cui sei andato?
question-first-flight = Dove sei andato con il tuo primo volo?
question-first-car = Qual è stata la prima automobile che hai guidato?
question-first-film = Qual è stato il primo film che hai visto al cinema?
question-first-own-money = Che cosa hai comprato con i primi soldi guadagnati?
question-childhood-friend = Come si chiamava il tuo migliore amico d'infanzia?
question-childhood-street = In quale via abitavi a dieci anni?
question-childhood-book = Qual era il libro che ti piaceva di più da bambino?
question-childhood-toy = Come si chiamava il giocattolo che ti piaceva di più da bambino?
question-childhood-dream = Che cosa volevi diventare da bambino?
question-childhood-nickname = Con quale soprannome ti chiamavano da bambino, che oggi non usa più nessuno?
question-grandmother-village = In quale paese o città è nata la madre di tua madre?
question-parents-met = In quale città si sono conosciuti i tuoi genitori?
question-favourite-teacher-subject = Quale materia insegnava l'insegnante che ti piaceva di più?
question-lost-thing = Che cosa hai perso da bambino e non hai più ritrovato?
