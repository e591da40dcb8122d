// The few functions of the C library that the standard library lacks. In this target only this file and `Guarded.swift`
// import it.
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

func cosine(_ x: Double) -> Double { cos(x) }
func sine(_ x: Double) -> Double { sin(x) }
func decimalLogarithm(_ x: Double) -> Double { log10(x) }
func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }

/// The level of a power in decibels; −infinity for silence.
func decibels(power: Double) -> Double { power > 0 ? 10 * decimalLogarithm(power) : -.infinity }
