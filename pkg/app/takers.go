package app

// takers wires new credentials to who uses them.
func (a *App) takers() takers {
	cfg := a.opts.Config
	to := takers{hecToken: a.hec.SetToken}
	if cfg.HEC.UsesTLS() {
		to.hecTLS = a.hec.SetTLS
	}
	if cfg.Kafka.UsesSASL() {
		to.kafkaSASL = a.group.SetCredentials
	}
	if cfg.Kafka.UsesTLS() {
		to.kafkaTLS = a.group.SetTLS
	}
	if cfg.DeadLetterTopic.UsesSASL() {
		to.topicSASL = a.topic.writer.SetCredentials
	}
	if cfg.DeadLetterTopic.UsesTLS() {
		to.topicTLS = a.topic.writer.SetTLS
	}
	return to
}
