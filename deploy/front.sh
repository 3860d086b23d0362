# shellcheck shell=bash
# The front server: Caddy where ports 80 and 443 are free; else whatever has them goes on having them,
# and Hearth is one more site behind it.

readonly caddyfile=/etc/caddy/Caddyfile
readonly caddyfile_before=/etc/caddy/Caddyfile.before-hearth
readonly made_by_us="# Written by Hearth's installer"
# Debian's nginx has sites that are linked to; that of nginx.org takes all files of one folder.
if [[ -d /etc/nginx/conf.d && ! -d /etc/nginx/sites-enabled ]]; then
  nginx_site=/etc/nginx/conf.d/hearth.conf nginx_link=$nginx_site
else
  nginx_site=/etc/nginx/sites-available/hearth.conf nginx_link=/etc/nginx/sites-enabled/hearth.conf
fi
readonly nginx_site nginx_link
readonly apache_site=/etc/apache2/sites-available/hearth.conf
readonly apache_link=/etc/apache2/sites-enabled/hearth.conf
readonly certbot_folder=/etc/letsencrypt/live

# Settle `front` (caddy, nginx, apache, print or none) and `port`.
choose_front() {
  choose_port
  installed_caddy=no
  [[ $(answer_value installed) != caddy ]] || installed_caddy=yes
  if [[ $tls == none && $front_is_wanted == no ]]; then
    front=none
  elif [[ -z $front ]]; then
    front=$(front_for "$(holder_of 443)" "$(holder_of 80)")
    consent_to_front
  fi
  find_certificate
}

# The front server that suits those who hold ports 443 ($1) and 80 ($2).
front_for() {
  case ${1:-$2} in
    '') echo caddy ;;
    caddy) if is_caddy_ours; then echo caddy; else echo "foreign caddy"; fi ;;
    nginx*) echo nginx ;;
    apache2 | httpd) echo apache ;;
    *) echo print ;;
  esac
}

# A configuration that somebody else has made is not touched without being asked to.
consent_to_front() {
  local answer=
  case $front in
    nginx | apache)
      [[ $assume_yes == yes || ! -t 0 ]] ||
        read -r -p "$front has ports 80 and 443. Add a site for Hearth to it? [y/N] " answer || true
      if [[ $answer != [yYjJ]* ]]; then
        remarks+=("$front has ports 80 and 443; what to write for it is shown at the end. To have it written: --front $front")
        shown_front=$front front=print
      fi
      ;;
    "foreign caddy")
      remarks+=("Caddy runs here with a configuration of your own; what to add to it is shown at the end")
      shown_front=caddy front=print
      ;;
    print)
      remarks+=("ports 80 and 443 are taken by $(holder_of 443) $(holder_of 80); what it has to pass on is shown at the end")
      ;;
  esac
}

is_caddy_ours() {
  [[ ! -e $caddyfile ]] || is_stock_caddyfile || grep -q "^$made_by_us" "$caddyfile"
}

# Whether the Caddyfile is as the package brought it.
is_stock_caddyfile() {
  local sum
  sum=$(dpkg-query -W -f '${Conffiles}' caddy 2>/dev/null | awk -v file="$caddyfile" '$1 == file { print $2 }')
  [[ -n $sum && $(md5sum "$caddyfile" 2>/dev/null) == "$sum "* ]]
}

find_certificate() {
  if [[ -z $certificate && $tls == on-demand && -e $certbot_folder/$hostname/fullchain.pem ]]; then
    certificate=$certbot_folder/$hostname/fullchain.pem
    certificate_key=$certbot_folder/$hostname/privkey.pem
  fi
}

step_front() {
  case $front in
    caddy) set_up_caddy ;;
    nginx | apache) "set_up_$front" ;;
    *) if [[ $acting == yes ]]; then print_front; fi ;;
  esac
}

caddyfile_text() {
  local issuer='' options="	email $email"
  if [[ $tls == internal ]]; then
    issuer=$'\n\t\tissuer internal' options=$'\tskip_install_trust'
  fi
  fill "$here/deploy/caddy/Caddyfile" OPTIONS "$options" HOSTNAME "$hostname" PORT "$port" ISSUER "$issuer"
  echo
}

set_up_caddy() {
  is_caddy_ours || return 0 # a problem that ends it before anything is done
  put_folder /etc/caddy/sites 755 root:root
  if [[ $acting == yes && ! -e $caddyfile_before ]] && is_stock_caddyfile; then
    cp -p "$caddyfile" "$caddyfile_before" # for the day on which Hearth is removed
  fi
  put_file "$caddyfile" 644 root:root "$(caddyfile_text)"$'\n'
  if [[ $put_anything == yes || $(systemctl is-active caddy 2>/dev/null) != active ]]; then
    change "have Caddy take its configuration up" restart_caddy
  fi
}

restart_caddy() {
  systemctl enable --quiet caddy
  systemctl reload-or-restart caddy && return
  journalctl --unit caddy --output cat --no-pager --lines 10 >&2 || true
  fail "Caddy did not take its configuration; its last words are above. Hearth itself runs on 127.0.0.1:$port."
}

# The site for nginx or apache ($1), with TLS where there is a certificate.
site_text() {
  local template=site.conf
  [[ -n $certificate ]] || template=site-without-tls.conf
  fill "$here/deploy/$1/$template" HOSTNAME "$hostname" PORT "$port" CERTIFICATE "$certificate" KEY "$certificate_key" |
    without_missing_families
  echo
}

# nginx does not start with addresses of a kind that the kernel does not have.
without_missing_families() {
  if [[ -e /proc/net/if_inet6 ]]; then cat; else grep -v 'listen \[::\]'; fi
}

set_up_nginx() {
  put_file "$nginx_site" 644 root:root "$(site_text nginx)"$'\n'
  local is_new=$put_anything
  if [[ $is_new == yes || ! -e $nginx_link ]]; then
    change "take the site into nginx's configuration, test that, reload nginx" enable_nginx_site
  fi
}

enable_nginx_site() {
  [[ $nginx_link == "$nginx_site" ]] || switch_link "$nginx_link" "$nginx_site"
  if ! nginx -t; then
    rm -f "$nginx_link"
    fail "nginx does not accept the site; it was taken out again and nginx runs as before. nginx's reason is above."
  fi
  systemctl reload-or-restart nginx
}

set_up_apache() {
  put_file "$apache_site" 644 root:root "$(site_text apache)"$'\n'
  local is_new=$put_anything
  if [[ $is_new == yes || ! -L $apache_link ]]; then
    change "take the site into Apache's configuration with the modules it needs, test that, reload Apache" enable_apache_site
  fi
}

enable_apache_site() {
  a2enmod --quiet ssl headers rewrite proxy proxy_http proxy_wstunnel
  a2ensite --quiet hearth
  if ! apache2ctl configtest; then
    a2dissite --quiet hearth
    fail "Apache does not accept the site; it was taken out again and Apache runs as before. The site is in $apache_site."
  fi
  # A module that is new wants more than a reload.
  systemctl restart apache2
}

# What whoever has ports 80 and 443 must do for Hearth.
print_front() {
  say "Hearth listens at 127.0.0.1:$port. Your front server has to pass https://$hostname and https://*.$hostname on to that"
  case ${shown_front:-} in
    nginx | apache) site_text "$shown_front" ;;
    caddy) caddyfile_text | grep -Ev "^(# |import )" ;; # what is about a file of the installer's own
    *) echo "  with Host, X-Forwarded-For and WebSockets (Upgrade) kept. docs/install.md has it for nginx, Apache, Traefik and others." ;;
  esac
}
