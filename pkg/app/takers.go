package app

import (
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/kafka"
)

// takers wires new credentials to who uses them.
//
// TODO(coordinator): the methods come from branches w-pool and w-kafka; until
// then they are looked for. At the merge write the calls plainly:
//
//	hecToken:  a.hec.SetToken
//	hecTLS:    a.hec.SetTLS      // only if cfg.HEC.UsesTLS()
//	kafkaSASL: a.group.SetCredentials // only if cfg.Kafka.UsesSASL()
//	kafkaTLS:  a.group.SetTLS    // only if cfg.Kafka.UsesTLS()
//
// Both ReloadTLS methods should take the new creds.TLS (here called SetTLS): a
// store often changes together with its password, which ReloadTLS() without
// it would never see: until then such a change is refused with a warning, and
// needs a restart. They must return an error and change nothing if the files
// cannot be used.
func (a *App) takers() takers {
	cfg := a.opts.Config
	to := takers{hecToken: func(creds.Secret) {}}
	if c, ok := any(a.hec).(interface{ SetToken(s creds.Secret) }); ok {
		to.hecToken = c.SetToken
	}
	if cfg.HEC.UsesTLS() {
		to.hecTLS = reloader(a.hec)
	}
	if cfg.Kafka.UsesTLS() {
		to.kafkaTLS = reloader(a.group)
	}
	if g, ok := any(a.group).(interface{ SetCredentials(s kafka.SASL) }); ok && cfg.Kafka.UsesSASL() {
		to.kafkaSASL = g.SetCredentials
	}
	return to
}

func reloader(of any) func(creds.TLS) error {
	switch r := of.(type) {
	case interface{ SetTLS(t creds.TLS) error }:
		return r.SetTLS
	case interface{ ReloadTLS() error }:
		return func(creds.TLS) error { return r.ReloadTLS() }
	default:
		return nil
	}
}
