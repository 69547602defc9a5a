module cometbot

go 1.24
