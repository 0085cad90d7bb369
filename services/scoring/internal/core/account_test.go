package core

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const testDay = int64(24 * time.Hour)

func TestAnAccountIsTheSumOfItsPeopleByRecency(t *testing.T) {
	var a Account
	start := int64(1.7e18)
	if got := a.Engaged(Person{Lead: "a", Micros: 40 * Point, LastAt: start, Number: 1}, start); got != nil {
		t.Errorf("one person is told of themselves: %v", got)
	}
	if got := a.Engaged(Person{Lead: "b", Micros: 30 * Point, LastAt: start - 30*testDay, Number: 1}, start); fmt.Sprint(got) != "[a b]" { // b is worth 15
		t.Errorf("told %v", got)
	}
	if got := a.Engaged(Person{Lead: "c", Micros: 3 * Point, LastAt: start, Number: 1}, start); fmt.Sprint(got) != "[c]" { // new, but it moves nothing
		t.Errorf("told %v", got)
	}
	if sum, people := a.Rating(start); sum != 58*Point || people != 3 || a.Told != 55*Point {
		t.Errorf("%v points of %d people, told %v", sum, people, a.Told)
	}
	if got := a.Engaged(Person{Lead: "a", Micros: 90 * Point, LastAt: start, Number: 1}, start); got != nil {
		t.Errorf("a telling that was read before told %v", got)
	}
	a.Engaged(Person{Lead: "a", Micros: 100 * Point, LastAt: start + 500*testDay, Number: 2}, start) // a clock that is ahead
	if rating, _ := a.Rating(start); rating != 100*Point || a.People[0].LastAt != start {
		t.Errorf("%v points, active at %d", rating, a.People[0].LastAt)
	}
	if got := a.Engaged(Person{Lead: "a", LastAt: start, Number: 3}, start); fmt.Sprint(got) != "[b c]" { // left
		t.Errorf("told %v", got)
	}
	if rating, people := a.Rating(start); rating != 18*Point || people != 2 {
		t.Errorf("%v points of %d people", rating, people)
	}
	if got := a.Engaged(Person{Lead: "a", Micros: Point, LastAt: start, Number: 2}, start); got != nil {
		t.Error("a telling of before they left was heard")
	}
}

// The deadline is the first millisecond at which the rating is 10 points below what was told, to the millisecond.
func TestTheRatingFallsAtItsDeadline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Account{Looked: int64(1.7e18)}
		for i := range rapid.IntRange(1, 40).Draw(t, "people") {
			a.People = append(a.People, Person{
				Lead: fmt.Sprint(1000 + i), Micros: Micros(rapid.Int64Range(1, int64(100*Point)).Draw(t, "points")), Number: 1,
				LastAt: a.Looked - rapid.Int64Range(0, 200*testDay).Draw(t, "ago"),
			})
		}
		if a.Look(a.Looked) == nil { // less than 10 points: nobody was told anything
			if a.Deadline() != 0 || a.Told != 0 {
				t.Fatal("a deadline of nothing")
			}
			return
		}
		at := a.Deadline()
		if a.Told <= ratedStep {
			if at != 0 {
				t.Fatal("nothing is 10 points below 10")
			}
			return
		}
		if before, _ := a.Rating(at - int64(time.Millisecond)); before <= a.Told-ratedStep {
			t.Fatalf("a millisecond before it is %v already, told %v", before, a.Told)
		}
		if now, _ := a.Rating(at); now > a.Told-ratedStep {
			t.Fatalf("it is %v still, told %v", now, a.Told)
		}
		if a.Look(at) == nil || a.Told > 100*Point-ratedStep {
			t.Fatal("nobody is told")
		}
		if next := a.Deadline(); next != 0 && next <= at {
			t.Fatal("it fires again at once")
		}
	})
}

func TestOneHalfLifeIsAClosedForm(t *testing.T) {
	a := Account{Looked: testDay * 20_000, People: []Person{
		{Lead: "a", Micros: 50 * Point, LastAt: testDay * 20_000, Number: 1}, {Lead: "b", Micros: 60 * Point, LastAt: testDay * 19_970, Number: 1},
	}}
	a.Look(a.Looked)
	want := 30 * 24 * math.Log2(8.0/7) // hours
	if got := time.Duration(a.Deadline() - a.Looked).Hours(); math.Abs(got-want) > 1e-4 {
		t.Errorf("after %v hours, want %v", got, want)
	}
}

func TestAnAccountIsBounded(t *testing.T) {
	var a Account
	start := int64(1.7e18)
	for i := range 3 * MaxPeople {
		told := a.Engaged(Person{Lead: fmt.Sprintf("p%04d", i), Micros: Micros(1+i%300) * Point / 300, LastAt: start, Number: 1}, start)
		if len(told) > maxRated {
			t.Fatalf("%d people are told at once", len(told))
		}
	}
	if len(a.People) != MaxPeople {
		t.Errorf("%d people", len(a.People))
	}
	least := slices.MinFunc(a.People, a.heavier(-1))
	if least.Micros < Point/3 {
		t.Errorf("%v is kept, though there were %d heavier people", least, MaxPeople)
	}
	if !slices.IsSortedFunc(a.People, func(x, y Person) int { return int(x.Lead[1]) - int(y.Lead[1]) }) {
		t.Error("not in order")
	}
}
