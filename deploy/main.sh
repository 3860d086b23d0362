# shellcheck shell=bash
# install.sh server: ask, check, show the plan, act. Sourced by install.sh, which has say and fail.
# Terms
# - front: the program that has ports 80 and 443 and passes requests on to Hearth.
# - change: something that is done to the machine. All go through deploy/changes.sh, so that the
#   plan is made by the same code that acts, and nothing is done twice.

# shellcheck source=deploy/options.sh
source "$here/deploy/options.sh"
# shellcheck source=deploy/questions.sh
source "$here/deploy/questions.sh"
# shellcheck source=deploy/mail.sh
source "$here/deploy/mail.sh"
# shellcheck source=deploy/backup.sh
source "$here/deploy/backup.sh"
# shellcheck source=deploy/dns.sh
source "$here/deploy/dns.sh"
# shellcheck source=deploy/checks.sh
source "$here/deploy/checks.sh"
# shellcheck source=deploy/changes.sh
source "$here/deploy/changes.sh"
# shellcheck source=deploy/program.sh
source "$here/deploy/program.sh"
# shellcheck source=deploy/settings.sh
source "$here/deploy/settings.sh"
# shellcheck source=deploy/trial.sh
source "$here/deploy/trial.sh"
# shellcheck source=deploy/front.sh
source "$here/deploy/front.sh"
# shellcheck source=deploy/sites.sh
source "$here/deploy/sites.sh"
# shellcheck source=deploy/uninstall.sh
source "$here/deploy/uninstall.sh"

readonly program_folder=/opt/hearth
readonly data_folder=/pds
readonly env_file=$data_folder/pds.env
readonly answers_file=$program_folder/answers
readonly unit_file=/etc/systemd/system/pds.service
readonly command_link=/usr/local/bin/pdsadmin
readonly trial_folder=$program_folder/trial # during an update: settings to try, and what was there before
readonly trial_unit=/run/systemd/system.control/pds.service

# Everything that is done to the machine, in order; shown first, then done.
all_steps() {
  step_remains
  step_packages
  step_user
  step_folders
  step_backup_folder
  step_first_settings
  step_venv
  step_code
  step_trial
  [[ -z $known_hostname ]] || step_settings
  step_current
  remove_sites_but "$front" # where another was in front before
  [[ -z $known_hostname ]] || step_answers
  step_command
  step_unit
  step_start
  step_front
  step_mail
  step_tidy
}

# The first time before what can fail or be cut off, so that nothing has to be answered twice.
step_first_settings() {
  [[ -z $known_hostname ]] || return 0
  step_settings
  step_answers
}

server_main() {
  umask 022 # also where root's is stricter: the server must be able to read its program
  parse_options "$@"
  [[ $uninstall == no ]] || { run_uninstall; return; }
  recall_answers
  complete_answers
  choose_front
  check_machine
  say_answers
  say "What will be done"
  all_steps
  ((changes_made)) || echo "  Nothing: all is as it should be."
  if [[ $dry_run == yes ]]; then
    show_problems
    show_front
    echo "Nothing was done, since --dry-run was given."
    return
  fi
  show_problems
  confirm_plan
  lock_out_others
  acting=yes
  all_steps
  run_doctor
  show_front
  say_next
}

confirm_plan() {
  [[ $assume_yes == no ]] && ((changes_made)) || return 0
  [[ -t 0 ]] || fail "nobody can be asked here, and nothing was done; add --yes."
  says_yes "Go on?" || fail "nothing was done.$(start_again)"
}

# What was understood, so that a typing error is seen before it is in the settings.
say_answers() {
  local mail="no mail; codes are read with pdsadmin account codes" certificates="of Let's Encrypt" backups=$backup_to
  can_ask || return 0
  [[ $mail_way == none ]] || mail="through $(mail_server_name), from $mail_from"
  case $tls in internal) certificates="of this machine's own authority, to try things out" ;; none) certificates="not made here" ;; esac
  say "What was answered"
  wrapped <<TEXT
  Server        https://$hostname, members' handles below it
  Your address  $email
  Mail          $mail
  Backups       ${backups:-none}
  Certificates  $certificates
TEXT
}

# Two installers at once would undo each other's work.
lock_out_others() {
  exec 8</etc
  flock -n 8 || fail "another install.sh is running; wait for it, then start this again."
}

# What can be wrong with the finished server, where the command for that exists.
run_doctor() {
  "$command_link" doctor --help >/dev/null 2>&1 || return 0
  say "Looking whether all is well (pdsadmin doctor)"
  "$command_link" doctor | wrapped ||
    say "The doctor found something, see above. The server runs; look again with: sudo pdsadmin doctor"
}

say_next() {
  say "Hearth runs at https://$hostname (on this machine: http://127.0.0.1:$port)"
  wrapped < <(next_steps)
}

next_steps() {
  [[ $mail_way == smtp ]] || echo "  Without mail you are the mail: codes are read with: sudo pdsadmin account codes"
  say_backup
  echo "  Keep a copy of $env_file in a safe place: without its keys the accounts are lost."
  ! has_accounts || return 0
  echo "  Now make the first account; the password is shown once:"
  echo "    sudo pdsadmin account create --email $email --handle NAME.$hostname"
  echo "  Sign in with it in any app for Bluesky, where \"hosting provider\" is https://$hostname"
}

has_accounts() {
  [[ $("$command_link" account list --json 2>/dev/null) == *'"did"'* ]]
}
