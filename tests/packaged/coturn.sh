# packages: coturn
# turnadmin keeps users in Redis.
db="ip=127.0.0.1 dbname=0 port=$port"
turnadmin -N "$db" -a -u ann -r here.test -p secret > log 2>&1
turnadmin -N "$db" -a -u bob -r here.test -p secret > log 2>&1
redis EXISTS turn/realm/here.test/user/ann/key
turnadmin -N "$db" -l -r here.test 2> log | grep -o 'ann\|bob' | sort -u
turnadmin -N "$db" -d -u ann -r here.test > log 2>&1
redis EXISTS turn/realm/here.test/user/ann/key
