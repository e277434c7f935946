# packages: suricata python3
# What Suricata sees of a recorded query goes into a list, by an asynchronous context in a thread of its own.
python3 - <<'PY'
import struct
def checked(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    return header[:10] + struct.pack("!H", ~(total % 65535) & 65535) + header[12:]
dns = b"\0\7\1\0\0\1\0\0\0\0\0\0\4some\5thing\0\0\1\0\1"
udp = struct.pack("!4H", 5353, 53, 8 + len(dns), 0) + dns
ip = checked(struct.pack("!BBHHHBBH4s4s", 69, 0, 20 + len(udp), 1, 0, 64, 17, 0, b"\n\0\0\1", b"\n\0\0\2"))
frame = b"\2" * 12 + b"\x08\0" + ip + udp
open("query.pcap", "wb").write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame)
PY
cat > suricata.yaml <<CONF
%YAML 1.1
---
outputs:
  - eve-log:
      enabled: yes
      filetype: redis
      redis:
        server: 127.0.0.1
        port: $port
        async: true
        mode: list
        key: seen
      types:
        - dns
app-layer:
  protocols:
    dns:
      udp:
        enabled: yes
        detection-ports:
          dp: 53
CONF
suricata -c suricata.yaml -r query.pcap -l /tmp -k none --runmode single > log 2>&1
redis LLEN seen
redis LINDEX seen 0 | grep -o '"rrname":"[^"]*"'
