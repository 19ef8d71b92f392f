# Where a host has no python3: its text of /proc, look by look, for shell_frames.py. POSIX sh; writes nothing anywhere but
# to standard output. COUNT and INTERVAL (whole seconds) are put in front of it.
echo tcptriage-text 1
number=0
while [ "$number" -lt "$COUNT" ]; do
  [ "$number" = 0 ] || sleep "$INTERVAL"
  number=$((number + 1))
  echo "== look $(date +%s) $(id -u)"
  echo "== host"; cat /proc/sys/kernel/hostname 2>/dev/null
  for name in tcp tcp6 snmp netstat dev softnet_stat; do echo "== net $name"; cat "/proc/net/$name" 2>/dev/null; done
  for name in ipv4/ip_local_port_range ipv4/ip_local_reserved_ports ipv4/tcp_fin_timeout ipv4/tcp_tw_reuse ipv4/tcp_syn_linear_timeouts ipv4/tcp_syncookies ipv4/tcp_max_syn_backlog ipv4/tcp_abort_on_overflow core/somaxconn; do
    echo "== setting $name"; cat "/proc/sys/net/$name" 2>/dev/null
  done
  echo "== ss"; ss -ltn 2>/dev/null
  echo "== comm"; grep . /proc/[0-9]*/comm 2>/dev/null
  echo "== limits"; grep "Max open files" /proc/[0-9]*/limits 2>/dev/null
  echo "== fd"; ls -ln /proc/[0-9]*/fd 2>/dev/null
  echo "== end"
done
