# shellcheck shell=bash
# Take away what the installer brought. The data, its keys and the user they belong to stay.

run_uninstall() {
  ((EUID == 0)) || [[ $dry_run == yes ]] || fail "root is needed: sudo ./install.sh server --uninstall"
  installed_caddy=no
  [[ $(answer_value installed) != caddy ]] || installed_caddy=yes
  say "What will be removed"
  uninstall_steps
  ((changes_made)) || echo "  Nothing: Hearth is not installed here."
  if [[ $dry_run == yes ]] || ((changes_made == 0)); then
    return
  fi
  echo "  $data_folder stays, with all accounts and keys."
  confirm_plan
  lock_out_others
  acting=yes
  uninstall_steps
  say "Removed. The data is untouched in $data_folder, the keys in $env_file."
  echo "  Install again: ./install.sh server. To delete the accounts for good: rm -r $data_folder; userdel pds"
}

# The order matters when it is cut off: the program, which knows what was installed, goes last.
uninstall_steps() {
  [[ ! -e $unit_file ]] || change "stop and remove the service pds" remove_service
  remove_sites_but none
  [[ ! -L $command_link ]] || change "remove $command_link" rm -f "$command_link"
  [[ ! -d $program_folder ]] || change "remove $program_folder" rm -rf "$program_folder"
}

remove_service() {
  systemctl disable --now --quiet pds.service || true
  rm -f "$unit_file" "$trial_unit"
  systemctl daemon-reload
  systemctl reset-failed pds 2>/dev/null || true
}

# Take Hearth out of the configuration of every front server but $1.
remove_sites_but() {
  if [[ $1 != caddy ]] && grep -q "^$made_by_us" "$caddyfile" 2>/dev/null; then
    if [[ $installed_caddy == yes && -z $(find /etc/caddy/sites -type f 2>/dev/null) ]]; then
      change "remove Caddy, which was installed for Hearth (its certificates stay in /var/lib/caddy)" remove_caddy
    else
      change "put Caddy's configuration back as it was" restore_caddyfile
    fi
  fi
  if [[ $1 != nginx ]] && [[ -e $nginx_site || -L $nginx_link ]]; then
    change "take the site out of nginx's configuration" remove_site nginx "$nginx_link" "$nginx_site"
  fi
  if [[ $1 != apache ]] && [[ -e $apache_site || -L $apache_link ]]; then
    change "take the site out of Apache's configuration" remove_site apache2 "$apache_link" "$apache_site"
  fi
  if [[ $1 != nginx && $1 != apache && -e $renewal_hook ]]; then
    change "remove certbot's hook $renewal_hook" rm -f "$renewal_hook"
  fi
}

remove_caddy() {
  installed_caddy=no
  apt_get remove -y caddy
  restore_caddyfile
}

restore_caddyfile() {
  drop_site "$caddyfile"
  [[ ! -e $caddyfile_before ]] || mv -f "$caddyfile_before" "$caddyfile"
  rm -f "$acme_root_copy"
  rmdir /etc/caddy/sites 2>/dev/null || true
  if [[ $(systemctl is-active caddy 2>/dev/null) == active ]]; then systemctl reload-or-restart caddy; fi
}

remove_site() {
  [[ $2 == "$3" ]] || rm -f "$2"
  drop_site "$3"
  if [[ $(systemctl is-active "$1" 2>/dev/null) == active ]]; then systemctl reload "$1"; fi
}
