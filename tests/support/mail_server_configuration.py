"""Configuration of the mail servers of `mail_servers`, as templates: Postfix 3.7 and Dovecot 2.3 (Debian 12)."""

from __future__ import annotations

MASTER = """\
postlog unix-dgram n - n - 1 postlogd
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
"""
COMMON = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
disable_dns_lookups = yes
smtp_host_lookup = native
smtputf8_enable = yes
message_size_limit = {size_limit}
mailbox_size_limit = 0
"""
RELAY = """\
myhostname = relay.example.com
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {auth}
smtpd_relay_restrictions = permit_sasl_authenticated, {unauthenticated}
smtpd_recipient_restrictions = check_recipient_access hash:{folder}/access
relay_domains = known.example.com
relay_recipient_maps = hash:{folder}/recipients
transport_maps = inline:{{ {{example.com=lmtp:inet:127.0.0.1:{lmtp}}} {{known.example.com=smtp:[127.0.0.1]:{mx}}}
  {{shop.example.com=smtp:[127.0.0.1]:{mx}}} {{slow.example.com=smtp:[127.0.0.1]:{closed}}} }}
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
delay_warning_time = 1s
maximal_queue_lifetime = 20s
bounce_queue_lifetime = 20s
"""
MX = """\
myhostname = mx.example.com
smtpd_relay_restrictions = reject_unauth_destination
virtual_mailbox_domains = known.example.com, shop.example.com
virtual_mailbox_maps = inline:{{ {mailboxes} }}
virtual_alias_maps = inline:{{ {{ team@shop.example.com = marie@shop.example.com, gone@shop.example.com }} }}
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
transport_maps = inline:{{ {{example.com=lmtp:inet:127.0.0.1:{lmtp}}} }}
"""
DOVECOT = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
first_valid_uid = 1
first_valid_gid = 1
mail_uid = mail
mail_gid = mail
mail_location = maildir:{folder}/mail/%u
mail_plugins = quota
ssl = required
ssl_cert = <{cert}
ssl_key = <{key}
disable_plaintext_auth = yes
auth_mechanisms = plain login
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
plugin {{
  quota = maildir:User quota
  quota_rule = *:storage=100M
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
service auth {{
  unix_listener sasl {{
    mode = 0666
  }}
}}
protocol imap {{
  mail_plugins = quota
}}
"""
