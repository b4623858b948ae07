package auditgen

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// How large the organisation is.
const (
	environments = 3
	clusters     = 8
	users        = 40
	accounts     = 60
	pools        = 120
	groups       = 6
)

type environment struct {
	id, registry, ksql, computePool, network string
}

type cluster struct {
	id         string
	env        int
	connectors []string
	topics     []string
	consumers  []string
}

type user struct {
	id, number, mail, ip, ip6 string
	memberships               []byte // JSON list of principals, the user first
	pool                      string // the pool that usually decides for the user
}

type account struct {
	id, number, key, ip, client string
	memberships                 []byte
	pool                        string
	cluster                     int // works on one cluster only
}

// organisation is one customer of Confluent Cloud: everything that appears in
// its events. It never changes after newOrganisation.
type organisation struct {
	id, provider string
	envs         []environment
	clusters     []cluster
	users        []user
	accounts     []account
	pools        []string
	groups       []string
}

// newOrganisation draws an organisation.
func newOrganisation(rng *rand.PCG) *organisation {
	n := namer{rng: rng, used: map[string]bool{}}
	o := &organisation{id: string(appendUUID(nil, rng.Uint64(), rng.Uint64())), provider: n.mixed("op-", 4)}
	for range pools {
		o.pools = append(o.pools, n.mixed("pool-", 4))
	}
	for range groups {
		o.groups = append(o.groups, n.mixed("group-", 4))
	}
	for range environments {
		o.envs = append(o.envs, environment{n.lower("env-"), n.lower("lsrc-"), n.lower("lksqlc-"), n.lower("lfcp-"), n.lower("n-")})
	}
	domains := strings.Fields("orders invoices payments customers shipments tracking customs fleet pricing returns")
	facts := strings.Fields("created changed cancelled snapshot audit")
	for i := range clusters {
		c := cluster{id: n.lower("lkc-"), env: i % environments}
		for t := range 8 + n.below(24) {
			domain := domains[(t+i)%len(domains)]
			c.topics = append(c.topics, fmt.Sprintf("%s.%s.v%d", domain, facts[t/len(domains)%len(facts)], 1+t%3))
		}
		for range 4 {
			domain := domains[n.below(len(domains))]
			c.consumers = append(c.consumers, domain+"-worker")
			c.connectors = append(c.connectors, n.lower("lcc-"))
		}
		o.clusters = append(o.clusters, c)
	}
	first := strings.Fields("ada bela chidi dana emre farid greta hugo ines jonas kaya lena milan nora oskar petra quim rosa sven tara")
	second := strings.Fields("abebe brandt costa dubois eriksen fischer garcia haller ito jensen kowalski larsen meyer novak okoye peters quist rossi silva tanaka")
	// Users belong to few or many pools, and their events' length varies with
	// that from 1 to 3 KB; the counts put the mean of all events at 1.5 KB.
	belongs := []int{1, 3, 5, 7, 10, 13, 17, 23, 34, 110}
	for i := range users {
		u := user{
			id: n.lower("u-"), number: strconv.Itoa(1204000 + i*17),
			mail: first[i%20] + "." + second[(i+i/20)%20] + "@example.com",
			ip:   fmt.Sprintf("192.0.2.%d", 10+i*5), ip6: fmt.Sprintf("2001:db8:%x::%x", 0x40+i/8, 0x10+i),
			pool: o.pools[i%pools],
		}
		u.memberships = n.memberships(u.id, o.pools, i%pools, belongs[i%len(belongs)])
		o.users = append(o.users, u)
	}
	jobs := strings.Fields("billing-export order-router stock-sync customs-feed price-loader fleet-tracker report-builder archive-sink search-index fraud-check")
	for i := range accounts {
		a := account{
			id: n.lower("sa-"), number: strconv.Itoa(2310000 + i*13), key: string(appendKey(nil, rng.Uint64(), rng.Uint64())),
			ip: fmt.Sprintf("198.51.100.%d", 10+i*4), client: fmt.Sprintf("%s-%d", jobs[i%len(jobs)], i/len(jobs)),
			pool: o.pools[i%pools], cluster: i % clusters,
		}
		a.memberships = n.memberships(a.id, o.pools, i%pools, 1+i*7%24)
		o.accounts = append(o.accounts, a)
	}
	return o
}

// namer makes names that are unique within the organisation.
type namer struct {
	rng  *rand.PCG
	used map[string]bool
}

func (n namer) below(limit int) int { return int(below(n.rng.Uint64(), uint64(limit))) }

// lower returns an id such as lkc-9r3yxk.
func (n namer) lower(prefix string) string {
	return n.unique(func() string { return string(appendBase32([]byte(prefix), n.rng.Uint64(), 6)) })
}

// mixed returns an id such as pool-x4Kq.
func (n namer) mixed(prefix string, length int) string {
	const alphabet = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	return n.unique(func() string {
		b := []byte(prefix)
		for range length {
			b = append(b, alphabet[n.below(len(alphabet))])
		}
		return string(b)
	})
}

func (n namer) unique(draw func() string) string {
	name := draw()
	for n.used[name] {
		name = draw()
	}
	n.used[name] = true
	return name
}

// memberships returns the JSON list of the principal and count pools, from
// pool number first on.
func (n namer) memberships(id string, pools []string, first, count int) []byte {
	b := []byte(`["User:` + id + `"`)
	for i := range count {
		b = append(b, `,"User:`+pools[(first+i)%len(pools)]+`"`...)
	}
	return append(b, ']')
}
