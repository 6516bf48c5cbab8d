using Npgsql;
using Pampa.Storage;

namespace Pampa.Tests.Units;

/// <summary>What an error means for whoever has sent the statement.</summary>
public sealed class ClassifyTests
{
    private static readonly Dialect Dialect = DatabaseAddress.Parse("postgres://localhost/test").Dialect;

    [Theory]
    [InlineData("40001", "Retry")]
    [InlineData("40P01", "Retry")]
    [InlineData("55P03", "Locked")]
    [InlineData("40003", "Infrastructure")]
    [InlineData("57P01", "Infrastructure")]
    [InlineData("53100", "Infrastructure")]
    [InlineData("53300", "Infrastructure")]
    [InlineData("25006", "Infrastructure")]
    [InlineData("28P01", "Infrastructure")]
    [InlineData("28000", "Infrastructure")]
    [InlineData("3D000", "Infrastructure")]
    [InlineData("0A000", "Infrastructure")]
    [InlineData("42P01", "Schema")]
    [InlineData("42703", "Schema")]
    [InlineData("23514", "Data")]
    [InlineData("22P02", "Data")]
    [InlineData("P0001", "Data")]
    [InlineData("XX000", "Infrastructure")]
    public void A_state_of_the_server_says_what_to_do(string state, string kind) =>
        Assert.Equal(kind, Dialect.Classify(new PostgresException("text", "ERROR", "ERROR", state)).ToString());

    [Fact]
    public void A_plan_that_does_not_fit_any_more_is_made_again() => Assert.Equal(
        ErrorKind.Retry, Dialect.Classify(new PostgresException("text", "ERROR", "ERROR", "0A000", routine: "RevalidateCachedQuery")));

    [Fact]
    public void The_driver_that_falls_over_a_lost_plan_is_no_fault_of_the_program()
    {
        Assert.Equal(ErrorKind.Infrastructure, Dialect.Classify(From("Npgsql")));
        Assert.Equal(ErrorKind.Other, Dialect.Classify(From("Shop")));

        static Exception From(string source)
        {
            var error = Assert.Throws<NullReferenceException>(() => _ = ((string)null!).Length);
            error.Source = source;
            return error;
        }
    }
}
