module {{ident}}

go 1.24

require cometbot v0.0.0

replace cometbot => ./sdk/go
