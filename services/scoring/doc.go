// Package scoring says which leads are ready for sales, and why: it folds the lead journal into leads, scores them by the
// agreement in force, moves them through the stages, joins those that are one person, and explains every number.
package scoring
