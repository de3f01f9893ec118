# Follows a table, goes on where it was when either side comes back: follow.py http://127.0.0.1:47780 known_hosts
import sys, time, urllib.error, urllib.request

url, last = f"{sys.argv[1]}/v1/tables/{sys.argv[2]}/changes?after=0", ""
while True:
    try:
        for line in urllib.request.urlopen(urllib.request.Request(url, headers={"Last-Event-ID": last})):
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "data": print(value, flush=True)
            if field == "id": last = value
    except urllib.error.HTTPError as error:
        if error.code != 503: sys.exit(error.read().decode())
    except OSError: pass
    time.sleep(0.1)
