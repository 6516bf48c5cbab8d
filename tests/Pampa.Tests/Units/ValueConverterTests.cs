using System.Text.Json;
using Pampa.Jobs;

namespace Pampa.Tests.Units;

public sealed class ValueConverterTests
{
    private enum Mood
    {
        Sad,
        Happy = 7,
    }

    private static readonly Guid Id = Guid.Parse("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");

    private static readonly DateTime Moment = new(2030, 1, 2, 3, 4, 5, DateTimeKind.Utc);

    /// <summary>What drivers give, and what a program asks for.</summary>
    private static IEnumerable<(object? Given, object Wanted)> Pairs =>
    [
        (5L, 5), (5, 5L), (5L, (short)5), (1L, true), (0L, false), (5L, 5.0), (5L, 5m), (2.5, 2.5m), (2.5m, 2.5),
        (2.5, 2.5f), ("2.5", 2.5m), ("5", 5), ("5", 5L), ("1", true), ("f", false), ("true", true), (5L, "5"),
        (2.5, "2.5"), (true, "True"), (Moment, "2030-01-02T03:04:05.0000000Z"), (Id, Id.ToString()),
        ("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", Id), (Id.ToByteArray(), Id), ("2030-01-02 03:04:05", Moment),
        ("2030-01-02T05:04:05+02:00", Moment), ("2030-01-02 03:04:05", new DateTimeOffset(Moment)),
        (Moment, new DateTimeOffset(Moment)),
        (DateTime.SpecifyKind(Moment, DateTimeKind.Unspecified), new DateTimeOffset(Moment)),
        (new DateTimeOffset(Moment), Moment), ("2030-01-02", new DateOnly(2030, 1, 2)),
        (Moment, new DateOnly(2030, 1, 2)), (new DateOnly(2030, 1, 2), Moment.Date),
        ("03:04:05", new TimeOnly(3, 4, 5)), (new TimeSpan(3, 4, 5), new TimeOnly(3, 4, 5)),
        (new TimeOnly(3, 4, 5), new TimeSpan(3, 4, 5)), ("1.02:03:04", new TimeSpan(1, 2, 3, 4)), ("happy", Mood.Happy),
        (7L, Mood.Happy), (7, Mood.Happy), ("7", Mood.Happy), (0.0, Mood.Sad), ("x", 'x'),
        ("https://a/b", new Uri("https://a/b")), (5, (object)5),
    ];

    [Fact]
    public void What_a_driver_gives_becomes_what_a_program_asks_for()
    {
        foreach (var (given, wanted) in Pairs)
        {
            Assert.Equal(wanted, ValueConverter.To(wanted.GetType(), given));
            if (wanted.GetType().IsValueType)
                Assert.Equal(wanted, ValueConverter.To(typeof(Nullable<>).MakeGenericType(wanted.GetType()), given));
        }
    }

    [Fact]
    public void Json_is_read_from_its_text() =>
        Assert.Equal(2, ((JsonElement)ValueConverter.To(typeof(JsonElement), "{\"a\":[1,2]}")!).GetProperty("a")[1].GetInt32());

    [Fact]
    public void A_NULL_needs_a_type_that_takes_it()
    {
        Assert.Null(ValueConverter.To(typeof(string), null));
        Assert.Null(ValueConverter.To(typeof(int?), DBNull.Value));
        Assert.Null(ValueConverter.To(typeof(object), null));
        var refused = Assert.Throws<InvalidCastException>(() => ValueConverter.To(typeof(int), null));
        Assert.Equal("the column is NULL and int cannot be: ask for int?", refused.Message);
    }

    [Theory]
    [InlineData("x", typeof(int))]
    [InlineData("x", typeof(Guid))]
    [InlineData("x", typeof(DateTime))]
    [InlineData("x", typeof(bool))]
    [InlineData(300L, typeof(byte))]
    [InlineData(1e300, typeof(long))]
    [InlineData(5L, typeof(Guid))]
    [InlineData(5L, typeof(DateTime))]
    [InlineData("x", typeof(Mood))]
    [InlineData("x", typeof(int[]))]
    public void What_does_not_convert_is_refused(object given, Type wanted)
    {
        var refused = Record.Exception(() => ValueConverter.To(wanted, given));
        Assert.True(refused is InvalidCastException or FormatException or OverflowException or ArgumentException, refused?.ToString());
    }

    [Fact]
    public void Bytes_are_no_text() => Assert.Throws<InvalidCastException>(() => ValueConverter.To(typeof(string), new byte[] { 1 }));
}
