#!/bin/sh
# Put here what starts or resumes your server. $1 is the address of the client.
echo "waking the server for $1"
