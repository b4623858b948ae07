package main

// The files that mistakes are made in.
const (
	fileLane    = "pkg/forwarder/lane.go"
	fileSettle  = "pkg/forwarder/settle.go"
	fileDeliver = "pkg/hec/client.go"
	filePost    = "pkg/hec/post.go"
	fileReply   = "pkg/hec/reply.go"
	fileKafka   = "pkg/kafka/client.go"
)

// mutations is the table of mistakes. Each is one that other forwarders were
// seen to make, or that a change here could bring.
func mutations() []mutation {
	return append(offsetMistakes(), hecMistakes()...)
}

// offsetMistakes are about when an offset may be committed.
func offsetMistakes() []mutation {
	return []mutation{
		{name: "commit-early", why: "an offset is marked when its batch is sent", edit: []edit{
			{fileLane, "	l.fifo = append(l.fifo, b)\n", "	l.fifo = append(l.fifo, b)\n	l.claim.Mark(b.next)\n"},
		}},
		{name: "commit-out-of-order", why: "an offset is marked when its batch comes back, whatever is out before it", edit: []edit{
			{fileLane, "func (l *lane) back(b *batch) { b.settled = true }", "func (l *lane) back(b *batch) { b.settled = true; l.claim.Mark(b.next) }"},
		}},
		{name: "commit-never", why: "offsets are not committed", edit: []edit{
			{fileKafka, "s.Consumer.Offsets.AutoCommit.Enable = true", "s.Consumer.Offsets.AutoCommit.Enable = false"},
		}},
		{name: "ignore-delivery-error", why: "a batch that was not delivered counts as settled", edit: []edit{
			{fileSettle, "if b.err != nil {", "if b.err != nil && false {"},
		}},
		{name: "mark-before-stored", why: "an offset is marked before its dead letters are on disk", edit: []edit{
			{fileSettle, "		if err := l.bury(entries); err != nil {", "		l.claim.Mark(b.next)\n		if err := l.bury(entries); err != nil {"},
		}},
		{name: "forget-dead-letters", why: "dead letters that cannot be stored are forgotten", edit: []edit{
			{
				fileSettle, "	l.log.Error(\"dead letters cannot be stored; this partition waits\", zap.Error(err))\n",
				"	l.log.Error(\"dead letters cannot be stored; this partition waits\", zap.Error(err))\n	if true {\n		return nil\n	}\n",
			},
		}},
		{name: "no-drain", why: "a lane that ends does not wait for what it has sent", edit: []edit{
			{fileLane, "time.AfterFunc(f.cfg.Drain, l.giveUp)", "time.AfterFunc(0, l.giveUp)"},
		}},
	}
}

// hecMistakes are about what an answer of Splunk means.
func hecMistakes() []mutation {
	return []mutation{
		{name: "drop-after-retries", why: "a batch that fails three times in a row is dropped", edit: []edit{
			{filePost, "RetryMax:     math.MaxInt, // giving up would be dropping", "RetryMax:     min(3, math.MaxInt),"},
			{filePost, "	if err != nil {\n		return nil, err\n	}\n	if a.last.class == Accepted", "	if err != nil && ctx.Err() != nil {\n		return nil, err\n	}\n	if err != nil {\n		return &reply{class: Accepted}, nil\n	}\n	if a.last.class == Accepted"},
		}},
		{name: "code-6-is-success", why: "a batch with a refused event counts as accepted", edit: []edit{
			{fileReply, "	case 6, 12, 13, 15:\n		r.class = RefusedEvent\n", "	case 6, 12, 13, 15:\n		r.class = Accepted\n"},
		}},
		{name: "refuse-whole-batch", why: "a refused event takes its whole batch to the dead letters", edit: []edit{
			{fileDeliver, "			*refused = append(*refused, refusal(bad, r))\n			from = bad + 1\n", "			for ; from < to; from++ {\n				*refused = append(*refused, refusal(from, r))\n			}\n"},
		}},
		{name: "resend-prefix", why: "what an indexer has taken before a refused event is sent again", edit: []edit{
			{fileDeliver, "if c.cfg.PartialAcceptance == PartialNone {", "if true {"},
		}},
		{name: "skip-after-refused", why: "the event behind a refused one is skipped", edit: []edit{
			{fileDeliver, "from = bad + 1", "from = bad + 2"},
		}},
		{name: "drop-too-large", why: "of a batch that is too large only half is sent", edit: []edit{
			{fileDeliver, "			from = half\n", "			from = to\n"},
		}},
		{name: "wrong-index-is-final", why: "a wrong index sends events to the dead letters", edit: []edit{
			{fileReply, "r.class, r.hint = Blocked, \"create the index in Splunk", "r.class, r.hint = RefusedBatch, \"create the index in Splunk"},
		}},
		{name: "any-200-is-success", why: "a login page counts as Splunk's word", edit: []edit{
			{fileReply, "		r.class, r.hint = Blocked, hintNotHEC\n	case s >= 300", "		r.class, r.hint = Accepted, hintNotHEC\n	case s >= 300"},
		}},
		{name: "4xx-is-final", why: "a 400 that is not HEC's sends events to the dead letters", edit: []edit{
			{fileReply, "		r.class, r.hint = Blocked, hintNotHEC+\", and its http or https\"", "		r.class, r.hint = RefusedBatch, hintNotHEC+\", and its http or https\""},
		}},
		{name: "truncated-is-success", why: "an answer that is cut off counts by its status", edit: []edit{
			{fileReply, "		return nil, fmt.Errorf(\"read the reply (HTTP %d): %w\", resp.StatusCode, err)\n", "		return &reply{class: Accepted, status: resp.StatusCode}, nil\n"},
		}},
		{name: "no-answer-is-success", why: "a post without an answer counts as accepted", edit: []edit{
			{filePost, "		r = unanswered(err)\n		err = r\n", "		a.last = &reply{class: Accepted}\n		return false, nil\n"},
			{filePost, "	_, err = (&retryablehttp.Client{", "	_, _ = (&retryablehttp.Client{"},
		}},
		{name: "busy-resends-later-half", why: "code 9 with a number is read as a refused event", edit: []edit{
			{fileReply, "	case 8, 9, 18, 19, 20, 26:\n		r.class, r.hint = Transient, hintBusy", "	case 8, 9, 18, 19, 20, 26:\n		r.class, r.hint = Transient, hintBusy\n		if r.code == 9 && r.number != noNumber {\n			r.class = RefusedEvent\n		}"},
		}},
	}
}
