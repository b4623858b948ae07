package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"
)

// loop connects again and again until ctx ends.
func (g *Group) loop(ctx context.Context, handle Handler) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = time.Second, 30*time.Second
	for ctx.Err() == nil {
		g.attempt(ctx, handle, wait)
	}
}

// attempt runs with one set of credentials, and if that fails, waits.
func (g *Group) attempt(ctx context.Context, handle Handler, wait *backoff.ExponentialBackOff) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	g.onRenewal(end) // before the credentials are read
	err := g.connected(ctx, handle, wait.Reset)
	if ctx.Err() != nil {
		wait.Reset() // at the end it does not matter; with new credentials it is a new start
		return
	}
	pause := wait.NextBackOff()
	if err != nil {
		g.setOut(g.explain(err))
		g.tokenRefused(err)
	}
	if errors.Is(err, sarama.ErrFencedInstancedId) {
		pause = fencedPause
	}
	select {
	case <-ctx.Done():
		wait.Reset()
	case <-time.After(pause):
	}
}

// fencedPause is how long a member stays away that another one with its
// group.instance.id has thrown out. Coming back throws out that one in turn,
// and whatever it had sent and not committed is sent again.
const fencedPause = time.Minute

// connected runs with one client until an error or ctx's end.
func (g *Group) connected(ctx context.Context, handle Handler, joined func()) (err error) {
	with, err := g.access()
	if err != nil {
		return err
	}
	client, err := sarama.NewClient(g.cfg.BootstrapServers, with.sarama)
	if err != nil {
		return err
	}
	var watchers sync.WaitGroup
	defer watchers.Wait() // after Close, which ends what they wait for
	defer func() {
		if cerr := client.Close(); err == nil {
			err = cerr
		}
	}()
	group, err := sarama.NewConsumerGroupFromClient(g.cfg.GroupID, client)
	if err != nil {
		return err
	}
	var watching sync.WaitGroup
	watching.Go(func() { g.watchErrors(group.Errors()) })
	judging, stopJudging := context.WithCancel(ctx)
	watching.Go(func() { g.judgeFetching(judging) })
	defer func() {
		stopJudging()
		if cerr := group.Close(); err == nil {
			err = cerr
		}
		watching.Wait()
	}()

	m := &member{group: g, access: with, client: client, handle: handle, joined: joined, watchers: &watchers}
	for ctx.Err() == nil {
		topics, err := g.topics(client)
		if err != nil {
			return err
		}
		if err := g.session(ctx, client, group, topics, m); err != nil {
			return err
		}
	}
	return nil
}

// session is one call of Consume: from joining to the next rebalance.
func (g *Group) session(ctx context.Context, client sarama.Client, group sarama.ConsumerGroup, topics []string, m *member) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m.endSession = cancel
	if g.pattern != nil {
		var watching sync.WaitGroup
		defer watching.Wait()
		defer cancel() // before Wait
		watching.Go(func() { g.watchTopics(ctx, client, topics, cancel) })
	}
	err := group.Consume(ctx, topics, m)
	if errors.Is(err, sarama.ErrClosedConsumerGroup) || ctx.Err() != nil {
		return nil
	}
	return blameTopics(client, topics, err)
}

// topics returns what is to be read.
func (g *Group) topics(client sarama.Client) ([]string, error) {
	if g.pattern == nil {
		return g.cfg.Topics, nil
	}
	if err := client.RefreshMetadata(); err != nil {
		return nil, err
	}
	all, err := client.Topics()
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(t string) bool { return !g.pattern.MatchString(t) })
	slices.Sort(all)
	if len(all) == 0 {
		return nil, fmt.Errorf("no topic matches kafka.topic_pattern %s: %w", g.cfg.TopicPattern, sarama.ErrUnknownTopicOrPartition)
	}
	return all, nil
}

// watchTopics ends the session when the pattern matches other topics.
func (g *Group) watchTopics(ctx context.Context, client sarama.Client, had []string, end func()) {
	tick := time.NewTicker(g.cfg.MetadataRefresh)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if now, err := g.topics(client); err == nil && !slices.Equal(now, had) {
				g.log.Info("the topics that match the pattern have changed", zap.Strings("were", had), zap.Strings("are", now))
				end()
				return
			}
		}
	}
}
