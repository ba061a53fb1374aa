"""Words by which mail servers say why they refuse; searched in text without names, see `strip_names`."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"<[^<>\s]*@[^<>\s]*>|[^\s<>@\"'(]+@[\w.-]+")
_URL = re.compile(r"(?:https?|ftp)://\S+|\bwww\.\S+", re.IGNORECASE)
_CONTINUATION = re.compile(r"(?<!\S)[245]\d\d-(?:[245]\.\d{1,3}\.\d{1,3} )?")
_WRAPPER = re.compile(r"unknown address error", re.IGNORECASE)  # of a gateway, around whatever the server said
_EMPTY_BRACKETS = re.compile(r"\(\s*\)|\[\s*\]|<\s*>|\{\s*\}|'\s*'|\"\s*\"")  # around an address
_HOST = re.compile(r"\b[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.[a-z]{2,}\b")  # lower case only: "unknown.Please" is none


def strip_names(text: str) -> str:
    """Return the text in one line without addresses, URLs and host names: a local part may be "userunknown"."""
    without_names = _HOST.sub(" ", _ADDRESS.sub(" ", _URL.sub(" ", _WRAPPER.sub(" ", text))))
    without_names = _EMPTY_BRACKETS.sub(" ", without_names).replace("_", " ")
    return " ".join(_CONTINUATION.sub(" ", without_names).replace("\u2019", "'").split())


def _phrases(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE)


_RECIPIENT = (
    r"(?:user ?(?:name|id)?|recipient(?: name| address)?|mail ?box|(?:e-?mail |mail )?account|(?:e-?mail "
    r"|mail )?address(?:ee)?"
    r"|mail ?drop|local[ -]?part|person|member|alias|destination|subscriber|customer)"
)
_NOT_OURS = "".join(f"(?<!{word} )" for word in ("ip", "client", "sender", "your", "from", "host", "server", "source"))
_IS = r"(?: that you \w+(?: \w+)? to reach)?(?:\W{1,3}(?:is|was|has been|are|name|address|the|:)){0,2}\W{0,3}"

SENDING_QUOTA = _phrases(
    r"(?:sending|submission|outgoing|outbound) ?(?:message |mail )?(?:limit|quota)",
    r"outgoing messages was exceeded",
    r"submissionquotaexceeded",
    r"(?:daily|hourly|monthly) (?:\w+ ){0,3}(?:sending|message|e?mail|relay|smtp) (?:limit|quota)",
    r"exceeded (?:\w+ ){0,4}(?:messages|e?mails|recipients) per (?:hour|day|month)",
    r"you have (?:reached|exceeded) (?:\w+ ){0,4}sending",
)
LOCAL_PROGRAM = _phrases(
    r"command (?:died|output|failed|terminated|time limit)|pipe to \||child process|exit(?:ed with)? status|^x-unix",
)
TEMPORARY = _phrases(
    r"gr[ea]y-?list",
    r"temporar(?:y|ily) (?:\w+ ){0,2}(?:failure|error|problem|deferred|unavailable|rejected|local|lookup)",
    r"temporarily",
    r"try(?:ing)? (?:again|later)|retry (?:timeout|time|limit)|retries",
    r"connection (?:timed ?out|was timed out|refused|reset|dropped|lost|died|closed)",
    r"(?:operation|session|connect|network|conversation)\w* timed ?out|timed out while|timeout",
    r"delivery (?:time|was) ?(?:expired|delayed|deferred)|delivery failed \d+ attempts"
    r"|(?:message|time) (?:has )?expired|too long in (?:the )?queue",
    r"(?:been|was|is) (?:in the )?(?:queued?|undeliver\w+) (?:for )?(?:too long|\d+ (?:hour|day))",
    r"no route to host|(?:host|network) is unreachable|(?:host|network) unreachable|host is down",
    r"server (?:is )?(?:too )?busy|not (?:currently )?responding|service (?:is )?(?:currently )?unavailable",
    r"could not (?:connect|be contacted)|unable to connect|can(?:not|'t) connect|system resources",
)
TEMPORARY_DNS = _phrases(
    r"servfail|soft error|server failure|time[d -]?out|malformed|try again|temporar"
    r"|(?:dns|lookup)\w* (?:\w+ )?(?:loop|refused)",
)
MAILBOX_FULL = _phrases(
    r"over[ -]?quota|quota (?:is |has been )?(?:\w+ )?(?:exceed|full|reached|violation|limit)",
    r"(?:exceed(?:s|ed|ing)?|surpass\w*|reached|over) (?:\w+ ){0,4}(?:quota|storage|disk|mailbox|mail drop"
    r"|message count|allocat)",
    r"(?:mail ?box|in ?box|mail ?folder|mail ?drop|account|maildir|mail ?directory|user"
    r"|recipient)\W{1,3}(?:\S+ ){0,3}full\b",
    r"\bfull (?:mail ?box|in ?box)",
    r"(?:insufficient|not enough|out of|no(?: more)?|lacks?) (?:\w+ )?(?:disk|storage|space|system storage)",
    r"(?:mail ?box|account|recipient)(?:'s)? (?:\w+ ){0,4}(?:size|storage|space) (?:\w+ ){0,3}(?:exceed|limit)",
    r"(?:space|storage) (?:is )?not enough|too many (?:messages|mails) in (?:\w+ )?(?:mail ?box|in ?box)",
    r"bo[i\u00ee\ufffd]+te .{0,40}(?:pleine|satur)|quota d[e\u00e9]pass",
    r"(?:postfach|mailbox) .{0,30}\b(?:voll|\u00fcberf\u00fcllt)|(?:buz[o\u00f3]n|cuota) .{0,40}(?:llen[oa]|excedid)",
    r"casella .{0,30}piena|caixa .{0,30}cheia|mailbox .{0,20}vol\b",
)
SUSPENDED = _phrases(
    rf"{_RECIPIENT}{_IS}(?:\w+ ){{0,2}}(?:suspend|frozen|locked|blocked temporarily|on hold|restricted)",
    r"(?:suspended|frozen|locked) (?:user|account|mailbox|recipient|address)",
)
CLOSED = _phrases(
    rf"{_RECIPIENT}{_IS}(?:\w+ ){{0,2}}(?:disabled|inactive|closed|deleted|terminated"
    r"|deactivated|de-activated|discontinued|expired|cancel+ed|not active|retired|abandoned)",
    rf"(?:disabled|inactive|closed|deactivated|expired|dead|dormant) {_RECIPIENT}\b",
    r"(?:due to|because of|for) (?:\w+ ){0,2}inactivity|archived recipient|destinataire archiv|d[e\u00e9]sactiv"
    r"|falta de uso",
)
RATE = _phrases(
    r"receiving mail (?:at a rate|too)",
    r"too many (?:\w+ )?(?:recipients|messages|e?mails|connections|sessions|requests)",
    r"frequency (?:is )?limit|rate ?(?:is )?(?:limit|exceed|control)|throttl|exceeded (?:\w+ ){0,3}rate",
)
AUTHENTICATION = _phrases(r"\bspf\b|\bdkim\b|dmarc|unauthenticated")
SENDER = _phrases(
    r"send-?as-?denied|permissions? to send as"
    r"|(?:not|n't) (?:allowed|permitted|authori[sz]ed) to send (?:as|from|mail as|messages? as)",
    r"sender (?:\w+ ){0,3}(?:reject|refus|denied|den(?:y|ied)|verif|invalid|unknown|not (?:allowed|permitted"
    r"|authori|found|valid|exist))",
    r"sender (?:e-?mail )?address|(?:invalid|unknown|bad|illegal|rejected|unverified) (?:\w+ )?sender\b",
    r"(?:reject|refus|block)\w* sender\b|domain of sender|sender'?s? domain",
    r"verification failed for|verify failed|callout|call-?back verif",
    r"following identities failed|e-?mail address is not verified|not (?:\w+ ){0,3}verified (?:sender|identity|domain)",
    r"(?:mail from|return[ -]path|envelope[ -](?:from|sender)|from (?:address|domain|header)) (?:\S+ ){0,6}"
    r"(?:reject|refus|denied|invalid|not (?:allowed|permitted|authori[sz]ed|exist|own|verified))",
)
RELAY = _phrases(
    r"relay(?:ing)? (?:\w+ ){0,3}(?:denied|not (?:permitted|allowed)|prohibited|refused|disallowed|failed)",
    r"(?:not|n't|no|unable|cannot|deny|denied|denies|refus\w+|prohibit\w*|open) (?:\w+ ){0,4}relay"
    r"|relay (?:access|not)",
    r"(?:smtp )?auth(?:entication|orization)? (?:is )?(?:required|failed|needed|first)|must (?:authenticate|log ?in)",
    r"not (?:a )?(?:gateway|open relay)|rcpthosts|we do not relay",
)
NO_MAILBOX = _phrases(
    rf"{_NOT_OURS}\b{_RECIPIENT}s?{_IS}(?:\w+ ){{0,2}}(?:unknown|not (?:be )?(?:found|exist|recogni[sz]ed|known"
    rf"|listed"
    r"|valid|a valid|registered|available here|have an? |defined|located|on (?:this|file))"
    r"|(?:does ?n[o']t|doesn't|does not|did not|do(?:es)?nt|didn't) (?:\w+ )?(?:exist|have an?|match|appear)"
    r"|couldn't be found|could not be found|wasn't found|cannot be found|invalid|non-?exist\w*|unrecogni[sz]ed"
    r"|incorrect|undeliverable|rejected as unknown)",
    r"\b(?:unknown|no such|invalid|non-?existent|inexistent|unrecogni[sz]ed|bad|illegal|incorrect|wrong|undefined"
    r"|not (?:a |an )?(?:valid|known|local|existing))(?: or \w+)?"
    rf"(?:\W{{1,3}}(?:local|virtual|destination|mail|e-?mail|smtp|final|delivery|remote)){{0,2}}\W{{0,3}}(?:{_RECIPIENT}"
    rf"|here)\b",
    r"unrout(?:e)?able (?:mail )?address|address(?: \w+){0,2} (?:could not|couldn't|cannot) be (?:resolved|routed)",
    r"validrcptto|recipientnotfound|recipnotfound|no mailbox|not our (?:user|customer)|not (?:a )?(?:local )?(?:user"
    r"|mailbox) here",
    r"no (?:such )?(?:user|person|recipient|mailbox|account|address) (?:\w+ )?(?:here|by that|with that|named"
    r"|found|exists)",
    r"(?:have|has|find|is|with) no (?:such )?(?:user|mailbox|account|recipient)|not listed in|user lookup .{0,20}fail"
    r"|doesn't have an? .{0,40}account|not have an? .{0,40}account|there is no (?:one|user|mailbox|account|such)",
    r"no (?:valid|local) (?:recipient|mailbox|user)s?\b|name is not recogni[sz]ed|(?:user|recipient) not ok\b"
    r"|unavailable or not local|unrecogni[sz]ed-?or-?name",
    r"no one with that|not a member of domain|(?:wrong|unresolved) (?:recipient|address)"
    r"|e-?mail (?:id )?(?:does ?n[o']t|does not|not) exists?",
    r"no longer (?:an? )?(?:\w+ ){0,2}(?:active|valid|available|in use|used|exists?|works?|employe[ed]|with us"
    r"|accept|on (?:this )?server)|has (?:left|moved)|n'est plus (?:utilis|actif|active|valable|valide)",
    r"adresse (?:du |de )?(?:destinataire |e-?mail )?(?:invalide|inconnue|inexistante|erron)"
    r"|destinataire (?:est )?(?:inconnu|invalide"
    r"|inexistant)|utilisateur (?:est )?inconnu|n'existe pas|bo[i\u00ee]te (?:aux lettres )?(?:inconnue|inexistante)",
    r"(?:empf[\u00e4a]e?nger|benutzer|adresse|postfach) .{0,30}(?:unbekannt|nicht (?:gefunden|bekannt|vorhanden)"
    r"|existiert nicht)",
    r"usuario (?:desconocido|no existe|inexistente)|(?:direcci[o\u00f3]n|buz[o\u00f3]n"
    r"|cuenta) .{0,30}(?:no existe|desconocid)",
    r"(?:utente|destin(?:atario|\.)|indirizzo|casella) .{0,30}(?:sconosciut|inesistente|non esiste|non valid|errato)"
    r"|nie istnieje|nie ma takiego|nieznany (?:adres|u\u017cytkownik)",
    r"(?:us[u\u00fa]ario|conta) .{0,30}(?:desconhecid|n[a\u00e3]o existe|inexistente)|onbekende? (?:gebruiker|adres)",
)
NO_DOMAIN = _phrases(
    r"nxdomain|null ?mx|no such (?:domain|host)|(?:domain|host)(?: ?name)?(?: or domain name)?(?: \S+)? "
    r"(?:is )?(?:not (?:found|exist|known)|does(?: not|n't) exist|unknown|invalid)",
    r"(?:unknown|invalid|bad|unrout(?:e)?able|illegal) (?:mail |destination |internet )?(?:domain|host)\b",
    r"name (?:or service )?not known|name service error .{0,60}not found|domain name not found|nodename nor servname",
    r"(?:domain|host) (?:does not|doesn't|never) accepts? (?:any )?e?mail\b|no route found to"
    r"|no (?:mx|mail exchanger|mail server|dns) ?(?:record|found|data|entr)?",
    r"mx records? point to non-?exist|couldn't find any host|(?:no|any) (?:a|mx) (?:or|and) (?:a|mx) records?"
    r"|domain has no mail|no smtp service|no valid mx"
    r"|(?:domain|host)(?: \S+)? (?:couldn't|could not|cannot|can't) be (?:found|resolved)",
)
PROVIDER = re.compile(r"\b(?:outlook|hotmail|yahoo)\.\w|\byahoodns\.net\b|\bAS\(\d{6,}\)", re.IGNORECASE)
PROVIDER_NO_MAILBOX = _phrases(
    r"mailbox unavailable", r"recipient address rejected: access denied", r"disabled or discontinued"
)
"""What the servers of Microsoft and Yahoo say of a missing mailbox. Other servers use these words for anything."""

CONTRADICTION = _phrases(
    r"\bspam|black-?list|block-?list|\bdnsbl|\brbl\b|reputation|unsolicited|\bspf\b|\bdkim\b|dmarc"
    r"|unauthenticated|\bvirus|malware"
    r"|(?:not|n't) (?:be )?(?:authori[sz]ed|allowed|permitted)|permission|pas (?:\w+ )?autoris|temporar"
    r"|\b(?:helo|ehlo)\b|client host|your (?:host|server|ip|address (?:is|has|was))\b|excessive"
    r"|reverse (?:dns|lookup)|\bptr\b",
)
MESSAGE = _phrases(
    CONTRADICTION.pattern,
    r"black list|block list|\bblocked\b|bulk|junk|phish|\bbanned|policy|polic(?:y|ies)|protocol|not compliant"
    r"|syntax|\bhelo\b|\bptr\b|rdns",
    r"reverse (?:dns|lookup)|(?:message|content|mail|attachment|header)s? (?:\w+ ){0,4}(?:reject|refus|block"
    r"|not accepted|denied|discard)",
    r"(?:too (?:large|big|long)|(?:size|length) (?:\w+ ){0,3}(?:exceed|limit))|exceed\w* (?:\w+ ){0,3}size"
    r"|(?:access|permission) (?:\w+ )?denied",
    r"not (?:authori[sz]ed|permitted|allowed|accepted)|restricted|\bloop|too many hops|hop count|authenticat"
    r"|encryption|\btls\b|security",
)
BLOCK_LIST = _phrases(
    r"spamhaus|spamcop|barracudacentral|sorbs\.net|dnsbl|\bdnsrbl|uceprotect|surbl\.org|uribl\.com|abuseat\.org"
    r"|mailspike|njabl"
    r"|invaluement|spfbl|senderscore|senderbase|rbl\b",
)
