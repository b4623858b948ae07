package auditgen

import (
	"math/rand/v2"
	"strconv"
	"time"
)

// scene is who plays in one event.
type scene struct {
	at                    time.Time
	user, otherUser       *user
	account               *account
	cluster, otherCluster *cluster
	env                   *environment
	fresh                 uint64 // where the ids of new resources come from
	topic, otherTopic     string
	consumer, connector   string
	group                 string
	stranger              uint8 // last byte of an address nobody here uses
}

// set draws a scene. What belongs together stays together: an account's
// cluster, a cluster's environment and topics.
func (s *scene) set(rng *rand.PCG, org *organisation, at time.Time) {
	bits := rng.Uint64()
	// Up to two seconds pass between an event and its record.
	s.at = at.Add(-time.Duration(bits % uint64(2*time.Second))).UTC()
	u := skewed(rng.Uint64(), users)
	s.user, s.otherUser = &org.users[u], &org.users[(u+1+int(bits%7))%users]
	a := skewed(rng.Uint64(), accounts)
	s.account = &org.accounts[a]
	s.cluster = &org.clusters[s.account.cluster]
	s.otherCluster = &org.clusters[(s.account.cluster+1)%clusters]
	s.env = &org.envs[s.cluster.env]

	bits = rng.Uint64()
	t := skewed(bits, len(s.cluster.topics))
	s.topic, s.otherTopic = s.cluster.topics[t], s.cluster.topics[(t+1)%len(s.cluster.topics)]
	s.fresh = rng.Uint64()
	s.consumer = s.cluster.consumers[bits%uint64(len(s.cluster.consumers))]
	s.connector = s.cluster.connectors[bits%uint64(len(s.cluster.connectors))]
	s.group = org.groups[bits%groups]
	s.stranger = uint8(1 + bits%254)
}

// skewed maps random bits to a number under n; low numbers come more often,
// as a few principals and topics cause most events.
func skewed(bits uint64, n int) int {
	return int(min(below(bits, uint64(n)), below(bits<<32, uint64(n))))
}

// play appends a template, its slots filled from the scene.
func (g *Generator) play(dst []byte, t template) []byte {
	s := &g.scene
	for i := range t {
		step := &t[i]
		dst = append(dst, step.text...)
		switch step.slot {
		case literal:
		case freshUUID:
			dst = appendUUID(dst, g.rng.Uint64(), g.rng.Uint64())
		case freshHex:
			dst = appendHex(appendHex(dst, g.rng.Uint64()), g.rng.Uint64())
		case freshDigits:
			dst = appendDigits(dst, g.rng.Uint64(), int(step.n))
		case freshPort:
			dst = strconv.AppendUint(dst, 32768+g.rng.Uint64()%28000, 10)
		case freshKey:
			dst = appendKey(dst, s.fresh, s.fresh^0x5bd1e995)
		case freshID:
			dst = appendBase32(dst, s.fresh>>(7*(step.n%5)), 6)
		case eventTime:
			dst = s.at.AppendFormat(dst, step.layout)
		case userMemberships:
			dst = append(dst, s.user.memberships...)
		case accountMemberships:
			dst = append(dst, s.account.memberships...)
		case strangerIP:
			dst = strconv.AppendUint(append(dst, "203.0.113."...), uint64(s.stranger), 10)
		default:
			dst = append(dst, g.name(step.slot)...)
		}
	}
	return dst
}

// name returns the name of whoever plays a part.
func (g *Generator) name(k kind) string {
	s := &g.scene
	switch k {
	case orgID:
		return g.org.id
	case providerID:
		return g.org.provider
	case envID:
		return s.env.id
	case clusterID:
		return s.cluster.id
	case otherClusterID:
		return s.otherCluster.id
	case registryID:
		return s.env.registry
	case ksqlID:
		return s.env.ksql
	case computePoolID:
		return s.env.computePool
	case networkID:
		return s.env.network
	case connectorID:
		return s.connector
	case groupID:
		return s.group
	case poolID:
		return s.user.pool
	case otherPoolID:
		return s.account.pool
	case userID:
		return s.user.id
	case userNumber:
		return s.user.number
	case userMail:
		return s.user.mail
	case userIP:
		return s.user.ip
	case userIP6:
		return s.user.ip6
	case otherUserID:
		return s.otherUser.id
	case otherUserMail:
		return s.otherUser.mail
	case accountID:
		return s.account.id
	case accountNumber:
		return s.account.number
	case accountKey:
		return s.account.key
	case accountIP:
		return s.account.ip
	case accountClient:
		return s.account.client
	case topicName:
		return s.topic
	case otherTopicName:
		return s.otherTopic
	case consumerGroup:
		return s.consumer
	}
	return ""
}
