# shellcheck shell=bash
# What front servers are told, each from a template. What the operator has changed in a file since it
# was written stays as it is.

readonly caddyfile_before=$caddyfile.before-hearth
readonly renewal_hook=/etc/letsencrypt/renewal-hooks/deploy/hearth
readonly challenge_folder=/var/www/html
# Debian's nginx has sites that are linked to; that of nginx.org takes all files of one folder.
if [[ -d /etc/nginx/conf.d && ! -d /etc/nginx/sites-enabled ]]; then
  nginx_site=/etc/nginx/conf.d/hearth.conf nginx_link=$nginx_site
else
  nginx_site=/etc/nginx/sites-available/hearth.conf nginx_link=/etc/nginx/sites-enabled/hearth.conf
fi
readonly nginx_site nginx_link
readonly apache_site=/etc/apache2/sites-available/hearth.conf
readonly apache_link=/etc/apache2/sites-enabled/hearth.conf

step_front() {
  case $front in
    caddy) set_up_caddy ;;
    nginx | apache)
      [[ -d $challenge_folder ]] || put_folder "$challenge_folder" 755 root:root
      "set_up_$front"
      put_renewal_hook
      ;;
  esac
}

# Where the text is kept that the installer last wrote into site file $1, or would have written.
wanted_text() {
  case $1 in
    "$caddyfile") echo "$program_folder/site-caddy" ;;
    "$nginx_site") echo "$program_folder/site-nginx" ;;
    *) echo "$program_folder/site-apache" ;;
  esac
}

# put_site FILE CONTENT: like put_file, unless somebody has changed the file by hand.
put_site() {
  local is_new=no
  if is_edited "$1" && [[ $(cat "$1") != "${2%$'\n'}" ]]; then
    [[ $acting == yes ]] ||
      echo "  $1 was changed by hand and stays as it is; compare it with $(wanted_text "$1"), or delete it to have it written anew."
  else
    put_file "$1" 644 root:root "$2"
    is_new=$put_anything
  fi
  put_file "$(wanted_text "$1")" 644 root:root "$2"
  put_anything=$is_new
}

# Whether a site's file is not what the installer last wrote into it.
is_edited() {
  local wanted
  wanted=$(wanted_text "$1")
  [[ -e $1 && -e $wanted ]] && ! cmp -s "$1" "$wanted"
}

# Delete a site's file; with changes of the operator's it is only put aside.
drop_site() {
  if is_edited "$1"; then
    mv -f "$1" "$1.removed"
    say "$1 was changed by hand; it is kept as $1.removed"
  else
    rm -f "$1"
  fi
  rm -f "$(wanted_text "$1")"
}

caddyfile_text() {
  local issuer='' options="	email $email"
  if [[ $tls == internal ]]; then
    issuer=$'\n\t\tissuer internal' options=$'\tskip_install_trust'
  fi
  case $(udp_holder_of 443) in
    '' | caddy) ;;
    *) options+=$'\n\tservers {\n\t\tprotocols h1 h2 # UDP port 443 was taken\n\t}' ;;
  esac
  [[ -z $acme_server ]] || options+=$'\n\tacme_ca '$acme_server
  [[ -z $acme_root ]] || options+=$'\n\tacme_ca_root '$acme_root_copy
  fill "$here/deploy/caddy/Caddyfile" OPTIONS "$options" HOSTNAME "$hostname" PORT "$port" ISSUER "$issuer"
  echo
}

set_up_caddy() {
  is_caddy_ours || return 0 # a problem that ends it before anything is done
  put_folder /etc/caddy/sites 755 root:root
  if [[ $acting == yes && ! -e $caddyfile_before ]] && is_stock_caddyfile; then
    cp -p "$caddyfile" "$caddyfile_before" # for the day on which Hearth is removed
  fi
  local is_new=no
  if [[ -n $acme_root ]]; then
    put_file "$acme_root_copy" 644 root:root "$(cat "$acme_root" 2>/dev/null)"$'\n'
    is_new=$put_anything
  fi
  put_site "$caddyfile" "$(caddyfile_text)"$'\n'
  if [[ $put_anything == yes || $is_new == yes || $(systemctl is-active caddy 2>/dev/null) != active ]]; then
    change "have Caddy take its configuration up" restart_caddy
  fi
}

restart_caddy() {
  systemctl enable --quiet caddy
  systemctl reload-or-restart caddy && return
  journalctl --unit caddy --output cat --no-pager --lines 10 >&2 || true
  fail "Caddy did not take its configuration; its last words are above. Hearth itself runs on 127.0.0.1:$port."
}

# The site for nginx, apache, haproxy or lighttpd ($1), with TLS where there is a certificate.
site_text() {
  local template=site.conf
  [[ -n $certificate || ! -e $here/deploy/$1/site-without-tls.conf ]] || template=site-without-tls.conf
  fill "$here/deploy/$1/$template" HOSTNAME "$hostname" PORT "$port" CERTIFICATE "$certificate" KEY "$certificate_key" \
    HOSTNAME_PATTERN "${hostname//./\\.}" | without_missing_families
  echo
}

# nginx and lighttpd do not start with addresses of a kind that the kernel does not have.
without_missing_families() {
  if [[ -e /proc/net/if_inet6 ]]; then cat; else grep -v '^[^#]*\[::\]:'; fi
}

set_up_nginx() {
  remember_site "$nginx_site"
  put_site "$nginx_site" "$(site_text nginx)"$'\n'
  local is_new=$put_anything
  if [[ $is_new == yes || ! -e $nginx_link || $(systemctl is-active nginx 2>/dev/null) != active ]]; then
    change "take the site into nginx's configuration, test that, reload nginx" enable_nginx_site
  fi
}

enable_nginx_site() {
  [[ $nginx_link == "$nginx_site" ]] || switch_link "$nginx_link" "$nginx_site"
  if ! nginx -t; then
    take_back_site "$nginx_link" "$nginx_site"
    nginx -t 2>/dev/null ||
      fail "nginx does not accept its configuration, also without Hearth's site; put that right first. nginx's reason is above."
    fail "nginx does not accept the site; it was taken out again and nginx runs as before. nginx's reason is above."
  fi
  systemctl enable --quiet nginx
  systemctl reload-or-restart nginx
  expect_site nginx /var/log/nginx/error.log
}

set_up_apache() {
  remember_site "$apache_site"
  put_site "$apache_site" "$(site_text apache)"$'\n'
  local is_new=$put_anything
  if [[ $is_new == yes || ! -L $apache_link || $(systemctl is-active apache2 2>/dev/null) != active ]]; then
    change "take the site into Apache's configuration with the modules it needs, test that, reload Apache" enable_apache_site
  fi
}

enable_apache_site() {
  a2enmod --quiet ssl headers rewrite proxy proxy_http proxy_wstunnel
  a2ensite --quiet hearth
  if ! apache2ctl configtest; then
    take_back_site "$apache_link" "$apache_site"
    fail "Apache does not accept the site; it was taken out again and Apache runs as before. Apache's reason is above."
  fi
  systemctl enable --quiet apache2
  # A module that is new wants more than a reload.
  systemctl restart apache2
  expect_site Apache /var/log/apache2/error.log
}

# What a site's file holds before it is written anew.
remember_site() {
  site_before=$(cat "$1" 2>/dev/null) || site_before=''
}

# take_back_site LINK FILE: put the site back as it was; where there was none, take it out.
take_back_site() {
  if [[ -n $site_before ]]; then
    write_file "$2" 644 root:root "$site_before"$'\n'
    write_file "$(wanted_text "$2")" 644 root:root "$site_before"$'\n'
  else
    rm -f "$1" "$2" "$(wanted_text "$2")"
  fi
}

# expect_site PROGRAM LOG: wait until port 80 answers for Hearth's name, or say that it does not. A reload tells
# nothing when it fails, as where a port can be tested but not taken.
expect_site() {
  local tries answer
  for ((tries = 0; tries < 20; tries++)); do
    answer=$(answer_of_port_80 2>/dev/null) || answer=
    if [[ $answer == *" 301 "*"https://$hostname/"* || $answer == *" 503 "* ]]; then return; fi
    sleep 0.5
  done
  say "$1 accepts the site, but http://127.0.0.1/ does not answer as the site for $hostname does. If it is so from outside, too, see \
the end of $2. Hearth itself runs on 127.0.0.1:$port."
}

answer_of_port_80() {
  local stream
  exec {stream}<>/dev/tcp/127.0.0.1/80
  printf 'GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$hostname" >&"$stream"
  timeout 5 head -c 2000 <&"$stream" | tr -d '\0'
  exec {stream}>&-
}

# certbot renews the certificate, but leaves it to others that it is taken up.
put_renewal_hook() {
  [[ $certificate == "$certbot_folder"/* ]] || return 0
  local unit=nginx
  [[ $front == nginx ]] || unit=apache2
  [[ -d ${renewal_hook%/*} ]] || put_folder "${renewal_hook%/*}" 755 root:root
  put_file "$renewal_hook" 755 root:root "#!/bin/sh
$made_by_us: a renewed certificate is taken up.
systemctl try-reload-or-restart $unit
"
}

# Whoever has ports 80 and 443 and is not told by the installer: what must be done there for Hearth.
show_front() {
  [[ $front == print || $front == none ]] || return 0
  say "Hearth listens at 127.0.0.1:$port. Your front server has to pass https://$hostname and https://*.$hostname on to that"
  [[ -n $certificate || ${shown_front:-caddy} == caddy ]] ||
    echo "  The certificate comes first, see docs/front-servers.md; its place there is certbot's."
  case ${shown_front:-} in
    nginx | apache | haproxy | lighttpd)
      local certificate=${certificate:-/etc/letsencrypt/live/$hostname/fullchain.pem}
      local certificate_key=${certificate_key:-/etc/letsencrypt/live/$hostname/privkey.pem}
      site_text "$shown_front"
      ;;
    caddy) caddyfile_text | grep -Ev "^(# |import )" ;; # what is about a file of the installer's own
    *) echo "  with Host, X-Forwarded-For and WebSockets (Upgrade) kept. docs/front-servers.md has it for many of them." ;;
  esac
}
