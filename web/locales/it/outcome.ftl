refusal-title = Ora la password non si può reimpostare
refusal-code = Codice
refusal-since = Dal
sspr-0009 = Nella tua organizzazione la reimpostazione della password è disattivata.
sspr-0009-todo = Chiama l'assistenza: può impostare una password per te.
sspr-0010 = La tua organizzazione ha disattivato il servizio che porta la nuova password nella sua directory.
sspr-0010-todo = Chiama l'assistenza: può impostare una password per te, oppure attivare il servizio.
sspr-0011 = Il tuo account non è abilitato a reimpostare la password qui.
sspr-0011-todo = Chiama l'assistenza e leggi il codice per l'assistenza.
sspr-0012 = Al tuo account manca una licenza per reimpostare la password.
sspr-0012-todo = Chiama l'assistenza e leggi il codice per l'assistenza.
sspr-0013 = Il tuo account non è nel gruppo che può reimpostare la password qui.
sspr-0013-todo = Chiama l'assistenza e leggi il codice per l'assistenza.
sspr-0014 = Non abbiamo abbastanza informazioni di sicurezza per te.
sspr-0014-todo = Chiama l'assistenza: può aggiungere un indirizzo a cui mandare un codice.
sspr-0029 = La directory della tua organizzazione non lo permette per il tuo account.
sspr-0029-todo = Chiama l'assistenza e leggi il codice per l'assistenza. Riprovare non serve.
sspr-0030 = In questo momento la directory della tua organizzazione non è raggiungibile.
sspr-0030-todo = Aspetta qualche minuto e riprova. Se resta così, chiama l'assistenza.
fault-account-disabled = Il tuo account è disabilitato.
fault-account-disabled-todo = Chiama l'assistenza e leggi il codice per l'assistenza. Riprovare non serve.
fault-expired = Ci è voluto troppo tempo, e non è cambiato niente.
fault-expired-todo = Prova ancora una volta.
fault-account-locked = Per il tuo account sono state inserite troppe password sbagliate, forse da un telefono che ha ancora quella vecchia. È bloccato, o quasi, quindi non è cambiato niente.
fault-account-locked-todo = Aspetta mezz'ora e riprova, oppure reimposta la password: così l'account si sblocca.
fault-busy = La directory della tua organizzazione è occupata. Non è cambiato niente.
fault-busy-todo = Aspetta un minuto e riprova.
fault-unsettled = Stiamo ancora controllando una tua reimpostazione precedente.
fault-unsettled-todo = Aspetta due minuti, prova la password che avevi scelto, e solo dopo ricomincia.
fault-keys-renewed = La tua organizzazione ha rinnovato le chiavi mentre questa pagina era aperta, perciò non è cambiato niente.
fault-keys-renewed-todo = Ricomincia: la nuova pagina ha le chiavi nuove.
fault-tampered = Quello che è arrivato non è quello che questa pagina aveva dato, perciò non è cambiato niente.
fault-tampered-todo = Ricomincia. Se succede ancora, chiama l'assistenza.
fault-other-tab = Questa era la pagina di una richiesta precedente in questo browser, perciò non è cambiato niente.
fault-other-tab-todo = Nel frattempo ne è stata iniziata un'altra, in un'altra scheda o finestra. Vai avanti con quella.
other-tab = Questa richiesta era già andata avanti in un'altra scheda o finestra. Quello che hai mandato per ultimo non è stato preso: se hai scritto due password, vale quella mandata per prima.
refused-title = La password è stata rifiutata
refused-todo = Non è cambiato niente. Scegli un'altra password.
refused-again = Scegli un'altra password
refused-complexity = Alla password servono tre di questi: maiuscole, minuscole, cifre, simboli, altre lettere.
refused-contains-name = La password contiene il nome dell'account o una parte del tuo nome.
refused-banned-word = La password contiene una parola che la tua organizzazione vieta, anche se cifre o simboli stanno al posto delle lettere.
refused-breached = Questa password è in un elenco di password note ad altri: è comparsa in una violazione di dati, o la usano in molti. Chi prova quegli elenchi la indovinerebbe.
refused-history = Hai già usato questa password.
refused-history-count = { $n ->
    [one] Questa è la password che avevi prima.
   *[other] Questa è una delle tue ultime { $n } password.
}
refused-minimum-length = { $n ->
    [one] La password deve avere almeno { $n } carattere.
   *[other] La password deve avere almeno { $n } caratteri.
}
refused-maximum-length = { $n ->
    [one] La password può avere al massimo { $n } carattere.
   *[other] La password può avere al massimo { $n } caratteri.
}
refused-minimum-age = La password è stata cambiata da troppo poco tempo.
refused-minimum-age-until = La password è stata cambiata da troppo poco tempo. Si può cambiare a partire da: { $moment }.
refused-unnamed = La directory della tua organizzazione ha rifiutato questa password senza dire perché. Forse è già stata usata, o contiene una parola vietata.
done-title = La password è cambiata
done-works = La nuova password funziona già.
done-late = La password è cambiata nella directory e quella nuova funziona già. I nostri registri sono in ritardo: il messaggio di conferma arriverà più tardi. Questa pagina si può chiudere.
done-not-unlocked = L'account può essere ancora bloccato per i tentativi sbagliati. Se l'accesso non riesce, aspetta mezz'ora oppure chiama l'assistenza.
done-must-change = Al prossimo accesso ti verrà chiesto di cambiarla.
done-devices = Telefono, Wi-Fi e VPN possono avere ancora la vecchia password. Cambiala anche lì, altrimenti possono bloccarti l'account.
done-laptop = Un portatile lontano dalla rete dell'ufficio vuole ancora la vecchia password finché non si è collegato una volta.
done-mail = Mandiamo un avviso a ogni indirizzo che abbiamo registrato per te.
unlocked-title = L'account è sbloccato
unlocked-works = Puoi accedere di nuovo con la password che hai.
unlocked-devices = Se l'hanno bloccato il telefono, il Wi-Fi o la VPN con una vecchia password, correggila lì, altrimenti succede di nuovo.
unlock-failed-title = L'account ora non si può sbloccare
unknown-title = Non lo sappiamo ancora
unknown-told = Non sappiamo ancora se la nuova password è stata impostata.
unknown-todo = Prova la nuova password fra qualche minuto. Prima di allora non ricominciare. Continuiamo a controllare e, se è stata impostata, ti mandiamo un messaggio.
unknown-unlock-told = Non sappiamo ancora se l'account è stato sbloccato.
unknown-unlock-todo = Prova ad accedere con la tua password fra qualche minuto. Prima di allora non ricominciare.
pending-title = È in viaggio
pending-told = La nuova password è in viaggio verso la directory della tua organizzazione.
pending-unlock-told = L'ordine di sbloccare l'account è in viaggio verso la directory della tua organizzazione.
pending-todo = Aspetta qualche secondo e guarda di nuovo. Non ricominciare.
pending-look = Guarda di nuovo
due-register = La tua organizzazione ti chiede di registrare altri modi per dimostrare che sei tu. Senza, non potresti reimpostare da solo una password dimenticata.
due-confirm = È ora di riguardare i tuoi modi per dimostrare che sei tu, perché funzionino il giorno in cui ti servono.
due-go = Vai ai miei modi
