"""Names under our handle domains that would mislead people if anybody could take them.

Three kinds: the protocol's own words, names of the machine's services (which are also host names
an operator may want), and roles that visitors trust. Compared with the whole first label.
"""

from __future__ import annotations

from typing import Final

_PROTOCOL = """
    at atp atproto atprotocol bluesky bsky did feedgen firehose handle hearth jetstream labeler
    lex lexicon nsid ozone pds pdsadmin plc relay repo tid xrpc
"""

_SERVICES = """
    api apis app apps archive assets auth autoconfig autodiscover backup backups beta blob blobs
    blog bot bots broadcasthost cache calendar cdn cert chat cloud cluster config console cpanel
    dashboard data database db demo dev devel developer dns docs download downloads email exchange
    feed feeds file files forum ftp gateway git grafana graphql health home host hosting hosts html
    http https icons image images imap img index internal ipv4 ipv6 isatap js json ldap link links
    live local localdomain localhost log logs m mail mail1 mail2 mailer media metrics mobile monitor
    mta-sts mx mx1 mx2 mysql net network news newsletter nntp node ns ns1 ns2 ns3 ns4 ntp oauth
    oauth2 oidc old openid pop pop3 portal preview private prod production proxy public redis
    register registry rss s3 search server servers service services sftp shop sitemap smtp
    smtps socket ssh ssl sso staging stat static stats status storage store stream streaming svn
    sync test testing tls tmp upload uploads uptime video vpn web webdav webhook webhooks webmail
    website websocket websockets whois wiki wpad ws wss www www1 www2 xml xmpp
"""

_ROLES = """
    about abuse account accounts admin administration administrator administrators anonymous
    automod billing business careers claim community compliance complaints contact copyright
    customer customers dmca everyone faq feedback finance guest help helpdesk help-desk hostmaster
    info invite invites invoice jobs join law legal login logout mailer-daemon marketing me member
    members moderation moderator moderators mods my myaccount no-reply nobody noc noreply null
    office official operator order orders owner owners password passwords pay payment payments
    policy postmaster premium press pricing privacy profile profiles recover recovery report
    reports reset role root safety sales secure security sign-in sign-up signin signout signup
    site staff subscribe superuser support survey suspended sysadmin system team teams terms
    tos trust trust-and-safety undefined unsubscribe update updates user users verification
    verified verify webmaster welcome you
"""

RESERVED_HANDLES: Final = frozenset(f"{_PROTOCOL} {_SERVICES} {_ROLES}".split())
