package main

// The files that mistakes are made in.
const (
	fileLane    = "pkg/forwarder/lane.go"
	fileSettle  = "pkg/forwarder/settle.go"
	fileGate    = "pkg/forwarder/gate.go"
	fileCommit  = "pkg/kafka/commit.go"
	fileMarks   = "pkg/kafka/commit_marks.go"
	fileDeliver = "pkg/hec/deliver.go"
	filePost    = "pkg/hec/post.go"
	filePart    = "pkg/hec/part.go"
	fileReply   = "pkg/hec/reply.go"
	fileBreaker = "pkg/hec/breaker.go"
	fileAck     = "pkg/hec/ack.go"
	fileChannel = "pkg/hec/channel.go"
	filePoll    = "pkg/hec/ackpoll.go"
)

// mutations is the table of mistakes. Each is one that other forwarders were
// seen to make, or that a change here could bring. The first are those that
// `--only named` plays.
func mutations() []mutation {
	all := append(namedMistakes(), offsetMistakes()...)
	all = append(all, replyMistakes()...)
	all = append(all, ackMistakes()...)
	return append(all, summaryMistakes()...)
}

// namedMistakes are those that the suite was made for.
func namedMistakes() []mutation {
	return []mutation{
		{name: "named-commit-early", why: "an offset is marked when its batch is sent", edit: []edit{
			{fileLane, "	l.fifo = append(l.fifo, b)\n", "	l.fifo = append(l.fifo, b)\n	l.claim.Mark(b.next, ``, nil)\n"},
		}},
		{name: "named-ignore-ack", why: "what Splunk has taken counts as indexed", where: withAck, edit: []edit{
			{fileAck, "	if s.channel == nil {\n		return nil\n	}\n	a.mu.Lock()\n	if s.entry == nil {", "	if true {\n		return nil\n	}\n	a.mu.Lock()\n	if s.entry == nil {"},
		}},
		{name: "named-ack-false-is-true", why: "an answer to a poll counts, whatever it says", where: withAck, edit: []edit{
			{filePoll, "if answer[e.id] && !e.held", "if _, told := answer[e.id]; told && !e.held"},
		}},
		{name: "named-drop-after-retries", why: "a batch that fails four times in a row is dropped", edit: []edit{
			{filePost, "math.MaxInt, // giving up would be dropping", "min(3, math.MaxInt),"},
			{fileDeliver, "		if err != nil {\n			return err\n		}\n		switch {\n		case r.class == Accepted", "		if err != nil && ctx.Err() == nil {\n			return nil\n		}\n		if err != nil {\n			return err\n		}\n		switch {\n		case r.class == Accepted"},
		}},
		{name: "named-code-6-is-success", why: "a batch with a refused event counts as accepted", edit: []edit{
			{fileReply, "	case codeFormat, 12, 13, 15:\n		r.class = RefusedEvent\n", "	case codeFormat, 12, 13, 15:\n		r.class = Accepted\n"},
		}},
	}
}

// offsetMistakes are about when an offset may be committed.
func offsetMistakes() []mutation {
	return []mutation{
		{name: "commit-out-of-order", why: "an offset is marked when its batch comes back, whatever is out before it", edit: []edit{
			{fileLane, "func (l *lane) back(b *batch) { b.settled = true }", "func (l *lane) back(b *batch) { b.settled = true; l.claim.Mark(b.next, ``, nil) }"},
		}},
		{name: "commit-never", why: "commits are not sent", edit: []edit{
			{fileCommit, "	answer, err := c.link.commit(c.ctx, asked)\n", "	answer, err := map[place]error{}, error(nil)\n	for at := range asked {\n		answer[at] = sarama.ErrNoError\n	}\n"},
		}},
		{name: "commit-wrong-partition", why: "a partition is committed up to the mark of another", where: partitioned, edit: []edit{
			{fileMarks, "			asked[at] = p.mark\n", "			for _, other := range c.at {\n				asked[at] = mark{next: max(asked[at].next, other.next)}\n			}\n"},
		}},
		{name: "commit-forgets-newer", why: "what was marked while a commit was on its way is never committed", edit: []edit{
			{fileMarks, "	p.dirty = p.mark != to\n", "	p.dirty = false\n"},
		}},
		{name: "commit-not-at-the-end", why: "the last marks are not waited for", where: stopping, edit: []edit{
			{fileCommit, "	close(c.closing)\n", "	c.finish()\n	c.giveUp()\n	close(c.closing)\n"},
		}},
		{name: "gate-ignored", why: "batches are sent however much is not committed", where: killing, edit: []edit{
			{fileGate, "{ return g.max == 0 ||", "{ return true || g.max == 0 ||"},
		}},
		{name: "ignore-delivery-error", why: "a batch that was not delivered counts as settled", edit: []edit{
			{fileSettle, "if b.err != nil {", "if b.err != nil && false {"},
		}},
		{name: "mark-before-stored", why: "an offset is marked before its dead letters are on disk", where: storeFails, edit: []edit{
			{fileSettle, "		if err := l.bury(b, entries); err != nil {", "		l.claim.Mark(b.next, ``, nil)\n		if err := l.bury(b, entries); err != nil {"},
		}},
		{name: "forget-dead-letters", why: "dead letters that cannot be stored are forgotten", where: storeFails, edit: []edit{
			{
				fileSettle, "	l.log.Error(\"dead letters cannot be stored; this partition waits\", zap.Error(err))\n",
				"	l.log.Error(\"dead letters cannot be stored; this partition waits\", zap.Error(err))\n	if true {\n		return nil\n	}\n",
			},
		}},
		{name: "no-drain", why: "a lane that ends does not wait for what it has sent", where: stopping, edit: []edit{
			{fileLane, "time.AfterFunc(f.cfg.Drain, l.giveUp)", "time.AfterFunc(0, l.giveUp)"},
		}},
	}
}

// replyMistakes are about what an answer of Splunk means.
func replyMistakes() []mutation {
	return []mutation{
		{name: "refuse-whole-batch", why: "a refused event takes the rest of its batch to the dead letters", edit: []edit{
			{fileDeliver, "			d.refuse(bad, r)\n			from = bad + 1\n", "			for from = bad; from < to; from++ {\n				d.refuse(from, r)\n			}\n"},
		}},
		{name: "resend-prefix", why: "what an indexer has taken before a refused event is sent again", edit: []edit{
			{fileDeliver, "	case d.c.cfg.PartialAcceptance == PartialNone ||", "	case true || d.c.cfg.PartialAcceptance == PartialNone ||"},
		}},
		{name: "skip-after-refused", why: "the event behind a refused one is skipped", edit: []edit{
			{fileDeliver, "from = bad + 1", "from = bad + 2"},
		}},
		{name: "drop-too-large", why: "of a batch that is too large only half is sent", edit: []edit{
			{fileDeliver, "			from = half\n", "			from = to\n"},
		}},
		{name: "cloud-size-is-final", why: "Splunk Cloud's word for a body that is too large takes an event to the dead letters", where: func(p plan) bool { return p.has(doCloud) }, edit: []edit{
			{fileDeliver, "r.number == 0 && to-from > 1:", "r.number == 0 && to-from > 1 && false:"},
		}},
		{name: "wrong-index-is-final", why: "a wrong index sends events to the dead letters", edit: []edit{
			{fileReply, "r.class, r.hint = Blocked, hintIndex", "r.class, r.hint = RefusedBatch, hintIndex"},
		}},
		{name: "wrong-index-resends", why: "what was indexed before an event with a wrong index is sent again", where: func(p plan) bool { return p.answers("wrong-index-took-5") }, edit: []edit{
			{filePart, "	r.settled = bad > 0 && ", "	r.settled = false && bad > 0 && "},
		}},
		{name: "any-200-is-success", why: "a login page counts as Splunk's word", where: noAck, edit: []edit{
			{fileReply, "r.class, r.hint, r.uncertain = Blocked, hintNotHEC, true", "r.class, r.hint, r.uncertain = Accepted, hintNotHEC, true"},
		}},
		{name: "4xx-is-final", why: "a 400 that is not HEC's sends events to the dead letters", edit: []edit{
			{fileReply, "		r.class, r.hint = Blocked, hintNotHEC+\", and its http or https\"", "		r.class, r.hint = RefusedBatch, hintNotHEC+\", and its http or https\""},
		}},
		{name: "truncated-is-success", why: "an answer that is cut off counts by its status", where: noAck, edit: []edit{
			{fileReply, "		return nil, fmt.Errorf(\"read the reply (HTTP %d): %w\", resp.StatusCode, err)\n", "		return &reply{class: Accepted, status: resp.StatusCode}, nil\n"},
		}},
		{name: "no-answer-is-success", why: "a post without an answer counts as accepted", where: noAck, edit: []edit{
			{filePost, "		r = unanswered(&awaited{got: a.got.Load(), err: err})\n		a.last = r\n", "		a.last = &reply{class: Accepted}\n		a.client.pool.took(l)\n		return false, nil\n"},
			{filePost, "	}).Do(req)\n	if err != nil {", "	}).Do(req)\n	if err != nil && a.last == nil {"},
		}},
		{name: "busy-is-a-refusal", why: "code 9 with a number is read as a refused event", where: func(p plan) bool { return p.answers("busy-0") || p.answers("busy-took-5") }, edit: []edit{
			{fileReply, "		r.class, r.hint, r.uncertain = Transient, hintBusy, r.number > 0\n", "		r.class, r.hint, r.uncertain = Transient, hintBusy, r.number > 0\n		if r.number != noNumber {\n			r.class = RefusedEvent\n		}\n"},
		}},
		{name: "endpoint-down-for-ever", why: "an endpoint that failed once is never tried again", where: oneEndpoint, edit: []edit{
			{fileBreaker, "	e.until = time.Now().Add(p.backoff(r, e.failures-1))\n", "	e.until = time.Now().Add(1000 * time.Hour)\n"},
		}},
	}
}

// ackMistakes are about what Splunk has confirmed.
func ackMistakes() []mutation {
	return []mutation{
		{name: "ack-other-generation", why: "a true for an id counts for whoever had the id before the indexer started again", where: forgetting, edit: []edit{
			{fileChannel, "	if e := ch.open[id]; e != nil {\n		return e.turn, true\n	}\n	when, ok = ch.early[id]\n	return when, ok\n", "	return 0, false\n"},
			{fileChannel, "	ch.open[e.id] = e\n", "	if old := ch.open[e.id]; old != nil {\n		go func() { <-e.done; old.settle(e.err) }()\n	}\n	ch.open[e.id] = e\n"},
		}},
		{name: "ack-lost-channel-is-true", why: "what an indexer that started again has forgotten counts as indexed", where: forgetting, edit: []edit{
			{fileChannel, "	for _, e := range ch.open {\n		a.drop(e, errUnconfirmed, reason)\n	}\n", "	for _, e := range ch.open {\n		a.drop(e, nil, reason)\n	}\n"},
		}},
		{name: "ack-timeout-is-true", why: "what is not confirmed in time counts as indexed", where: func(p plan) bool { return p.Ack && p.has(doNoAck) }, edit: []edit{
			{filePoll, "a.drop(e, errUnconfirmed, reasonTimeout)", "a.drop(e, nil, reasonTimeout)"},
		}},
		{name: "ack-impatient", why: "what the first poll does not confirm is sent again", where: withAck, edit: []edit{
			{filePoll, "		if age < a.timeout {\n", "		if age < 0 {\n"},
		}},
	}
}

// Which plans can show a mistake.
func withAck(p plan) bool     { return p.Ack }
func noAck(p plan) bool       { return !p.Ack }
func forgetting(p plan) bool  { return p.Ack && p.has(doForget) }
func killing(p plan) bool     { return p.has(doKill) }
func stopping(p plan) bool    { return p.has(doStop) && !p.shortDrain() }
func storeFails(p plan) bool  { return p.has(doFull) || p.has(doNoStore) }
func partitioned(p plan) bool { return p.Partitions > 1 }
func oneEndpoint(p plan) bool { return p.Endpoints == 1 }

// answers reports whether a step lets posts be answered so.
func (p plan) answers(name string) bool {
	for _, s := range p.Steps {
		if s.Do == doReply && s.Reply == name {
			return true
		}
	}
	return false
}
